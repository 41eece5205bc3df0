#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

cox_status cox_status_of(int cause) {
  switch (cause) {
    case 0: return COX_OK;
    case ENOENT:
    case ENOTDIR:
    case ENODATA:
    case ENOSYS:
    case EOPNOTSUPP: return COX_UNSUPPORTED;
    case EACCES:
    case EPERM: return COX_DENIED;
    default: return COX_LOST;
  }
}

cox_value cox_failure(int cause) {
  return (cox_value){.value = 0, .status = cox_status_of(cause), .cause = cause};
}

cox_file cox_file_open(const char *path) {
  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
  return (cox_file){.fd = fd, .cause = fd < 0 ? errno : 0};
}

void cox_file_close(cox_file *file) {
  // Nothing was written: a failing close loses nothing, and the descriptor is gone on Linux whatever it returns.
  if (file->fd >= 0) (void)close(file->fd);
  *file = (cox_file){.fd = -1, .cause = EBADF};
}

static int64_t read_at(const cox_file *file, char *buffer, size_t capacity, size_t offset, int *cause) {
  *cause = file->cause;
  if (file->fd < 0) return -1;
  while (true) {
    ssize_t got = pread(file->fd, buffer, capacity, (off_t)offset);
    if (got >= 0) return got;
    if (errno == EINTR) continue;
    *cause = errno;
    return -1;
  }
}

int64_t cox_file_read(const cox_file *file, char *buffer, size_t capacity, int *cause) {
  return read_at(file, buffer, capacity, 0, cause);
}

int64_t cox_file_read_path(const char *path, char *buffer, size_t capacity, int *cause) {
  cox_file file = cox_file_open(path);
  size_t length = 0;
  int64_t got = 0;
  do {
    got = read_at(&file, buffer + length, capacity - length, length, cause);
    if (got > 0) length += (size_t)got;
  } while (got > 0 && length < capacity);
  cox_file_close(&file);
  return got < 0 ? -1 : (int64_t)length;
}

bool cox_join(char *out, const char *root, const char *rest) {
  int length = snprintf(out, COX_PATH_MAX, "%s%s", root, rest);
  return length >= 0 && length < COX_PATH_MAX;
}

int cox_pipe(int ends[2]) { return pipe2(ends, O_CLOEXEC) == 0 ? 0 : errno; }
