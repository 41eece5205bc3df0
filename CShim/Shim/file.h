/// Kept descriptors: a file is opened once and read from its start again and again.
#ifndef COXSWAIN_FILE_H
#define COXSWAIN_FILE_H

#include "cshim.h"

typedef struct cox_file {
  /// -1 where the file could not be opened; `cause` says why then.
  int fd;
  int cause;
} cox_file;

/// What an errno value means for a figure.
cox_status cox_status_of(int cause);

cox_value cox_failure(int cause);

cox_file cox_file_open(const char *path);
void cox_file_close(cox_file *file);

/// Reads from the start with one pread: the kernel's one-record files (PSI, meminfo, cgroup) come whole in one call,
/// and a second one would only build the text again. Returns the count, at most `capacity`, or -1 with `*cause` set.
int64_t cox_file_read(const cox_file *file, char *buffer, size_t capacity, int *cause);

/// Opens, reads to the end or `capacity`, and closes.
int64_t cox_file_read_path(const char *path, char *buffer, size_t capacity, int *cause);

/// Joins into `out` (COX_PATH_MAX bytes). False if it does not fit.
bool cox_join(char *out, const char *root, const char *rest);

#endif
