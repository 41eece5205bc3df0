#include "disk_speed.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "gpu.h"

/// Written at most, in pieces of the size in which KV blocks go to disk together.
#define DISK_BYTES (256LL << 20)
#define PIECE_BYTES (4LL << 20)
/// Never more than this part of what is free.
#define FREE_PARTS 20
#define ALIGNMENT 4096

static double now_s(void) {
  struct timespec time = {0};
  // Cannot fail: the clock exists on every Linux and the pointer is valid.
  (void)clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/// A file without a name, or with one that is removed at once; without page cache if the file system can.
static int open_scratch(const char *folder, bool *direct) {
  char path[1024];
  int length = snprintf(path, sizeof path, "%.900s/coxswain-calibration-%ld", folder, (long)getpid());
  if (length < 0 || (size_t)length >= sizeof path) return -1;
  *direct = true;
  int file = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_DIRECT, 0600);
  if (file < 0 && errno == EINVAL) {
    *direct = false;
    // Some file systems make the file before they refuse the flag.
    (void)unlink(path);
    file = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  }
  if (file >= 0 && unlink(path) != 0) {
    int cause = errno;
    (void)close(file);
    errno = cause;
    return -1;
  }
  return file;
}

/// Moves all pieces. The seconds that it took, or a negative errno value.
static double move(int file, char *buffer, long long bytes, bool writes) {
  double start = now_s();
  for (long long at = 0; at < bytes; at += PIECE_BYTES) {
    long long done = 0;
    while (done < PIECE_BYTES) {
      size_t rest = (size_t)(PIECE_BYTES - done);
      char *piece = buffer + done;
      ssize_t count = writes ? pwrite(file, piece, rest, at + done) : pread(file, piece, rest, at + done);
      if (count < 0 && errno == EINTR) continue;
      if (count <= 0) return count < 0 ? -errno : -EIO;
      done += count;
    }
  }
  if (writes && fdatasync(file) != 0) return -errno;
  return now_s() - start;
}

static void add_speed(cJSON *disk, const char *key, double seconds, long long bytes) {
  bool known = seconds > 0;
  double speed = known ? (double)(long long)((double)bytes / seconds / 1e6) : 0;
  nvml_result code = known ? NVML_OK : seconds == -EACCES || seconds == -EPERM ? NVML_NO_PERMISSION : NVML_LOST;
  gpu_add_leaf(disk, key, code, cJSON_CreateNumber(speed));
}

static void measure(cJSON *disk, int file, long long bytes) {
  void *memory = NULL;
  if (posix_memalign(&memory, ALIGNMENT, (size_t)PIECE_BYTES) != 0) return;
  // Zeros could be compressed away or stored as holes.
  unsigned long long *words = memory, state = 88172645463325252ULL;
  for (size_t i = 0; i < (size_t)PIECE_BYTES / sizeof *words; i++) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    words[i] = state;
  }
  double written = move(file, memory, bytes, true);
  add_speed(disk, "write_mb_s", written, bytes);
  // Advice that the file system may ignore: without O_DIRECT the figure is an upper bound.
  (void)posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED);
  if (written > 0) add_speed(disk, "read_mb_s", move(file, memory, bytes, false), bytes);
  free(memory);
}

void disk_speed_add(cJSON *json, const char *folder) {
  struct statvfs space;
  bool direct = false;
  cJSON *disk = cJSON_AddObjectToObject(json, "disk");
  (void)cJSON_AddStringToObject(disk, "path", folder);
  long long bytes = DISK_BYTES;
  if (statvfs(folder, &space) == 0) {
    long long most = (long long)((double)space.f_bavail * (double)space.f_frsize / FREE_PARTS);
    if (bytes > most) bytes = most / PIECE_BYTES * PIECE_BYTES;
  }
  int file = bytes >= PIECE_BYTES ? open_scratch(folder, &direct) : (errno = ENOSPC, -1);
  if (file < 0) {
    (void)cJSON_AddStringToObject(disk, "message", strerror(errno));
    return;
  }
  (void)cJSON_AddBoolToObject(disk, "direct", direct);
  (void)cJSON_AddNumberToObject(disk, "bytes", (double)bytes);
  measure(disk, file, bytes);
  // The file has no name any more: what is lost at closing is not missed.
  (void)close(file);
}
