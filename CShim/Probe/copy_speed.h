/// Bandwidth between pinned host memory and each NVIDIA GPU, by CUDA's driver library.
#ifndef COXSWAIN_PROBE_COPY_SPEED_H
#define COXSWAIN_PROBE_COPY_SPEED_H

#include <cjson/cJSON.h>
#include <stdbool.h>

/// Adds the array `gpus` (bus_id, to_gpu_mb_s, from_gpu_mb_s, or `skipped` with the reason) and `cuda`, which says why
/// there is none. A GPU on which processes compute, or of which nobody can tell, is skipped unless `force` is set.
void copy_speeds_add(cJSON *json, const char *cuda, const char *nvml, bool force);

#endif
