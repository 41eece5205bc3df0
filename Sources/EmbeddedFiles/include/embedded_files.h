#ifndef COXSWAIN_EMBEDDED_FILES_H
#define COXSWAIN_EMBEDDED_FILES_H

#include <stddef.h>

/// One file of the repository, compiled in.
struct embedded_file {
  /// Path from the repository's root, such as "Policies/vllm-v1.json".
  const char *path;
  const unsigned char *bytes;
  size_t size;
};

size_t embedded_file_count(void);

/// The file at `index`, which is below `embedded_file_count()`; files are in order of path.
struct embedded_file embedded_file_at(size_t index);

#endif
