/// One NVIDIA GPU: what identifies it, what is read often, what is read rarely.
#ifndef COXSWAIN_PROBE_GPU_H
#define COXSWAIN_PROBE_GPU_H

#include <cjson/cJSON.h>

#include "nvml_api.h"

typedef struct gpu {
  nvml_device handle;
  unsigned index;
  /// Of the call that gave the handle.
  nvml_result found;
  /// NVML_LOST or NVML_RESET_REQUIRED once a call said so in this round, else NVML_OK.
  nvml_result fault;
  /// Calls of this round that failed as they do when the driver was exchanged, and all calls.
  unsigned stale_calls, calls;
  unsigned xid_last, xid_count;
  /// Whether the driver reports XIDs of this GPU.
  nvml_result xid_watched;
  /// Two samples for the figures that need an interval; NULL where that is not supported.
  nvml_sample samples[2];
  unsigned samples_taken;
} gpu;

/// Cheap figures, for every round.
void gpu_add_fast(cJSON *json, const nvml_api *api, gpu *g);

/// Figures that are dear or hardly change (`slow` of the document).
void gpu_add_slow(cJSON *json, const nvml_api *api, gpu *g);

/// What is between two GPUs (`pairs` of the document).
void gpu_add_pair(cJSON *array, const nvml_api *api, gpu *a, gpu *b);

/// Adds {"value", "status"}; takes `value`, which counts for NVML_OK only.
void gpu_add_leaf(cJSON *json, const char *key, nvml_result code, cJSON *value);

#endif
