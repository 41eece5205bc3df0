/// Measures what swap-or-recompute decisions need: how fast KV moves between host and GPU, and to and from the disk.
#ifndef COXSWAIN_PROBE_CALIBRATE_H
#define COXSWAIN_PROBE_CALIBRATE_H

#include <cjson/cJSON.h>
#include <stdbool.h>

/// CUDA's driver library, as the dynamic linker searches.
#define CUDA_LIBRARY "libcuda.so.1"

typedef struct calibration {
  const char *cuda;
  const char *nvml;
  /// Folder of the disk tier; NULL: the disk is left out.
  const char *disk;
  /// Measure GPUs that others use, too.
  bool force;
} calibration;

/// Copies 256 MiB to and from each GPU that nobody uses, from memory that is pinned on the node of this process, and
/// writes and reads 256 MiB in a file of its own that is removed again. NULL if memory is short.
cJSON *probe_calibration(const calibration *what);

/// Writes the document to a file in one step. 0, or an errno value.
int probe_store(const cJSON *json, const char *path);

#endif
