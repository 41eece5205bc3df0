#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "file.h"

int cox_pressure_trigger(const char *proc_root, int64_t stall_us, int64_t window_us) {
  char path[COX_PATH_MAX], text[64];
  struct statfs system;
  if (!cox_join(path, proc_root, "/pressure/memory")) return -ENAMETOOLONG;
  int file = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
  if (file < 0) return -errno;
  int length = snprintf(text, sizeof text, "some %lld %lld", (long long)stall_us, (long long)window_us);
  // An ordinary file that stands in for the kernel's would be written over.
  int cause = fstatfs(file, &system) != 0 ? errno : system.f_type != PROC_SUPER_MAGIC ? ENOTSUP : 0;
  // The kernel wants the final zero.
  if (!cause && write(file, text, (size_t)length + 1) < 0) cause = errno;
  if (!cause) return file;
  // Nothing was written: a failing close loses nothing.
  (void)close(file);
  return -cause;
}
