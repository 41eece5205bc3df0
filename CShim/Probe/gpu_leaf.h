/// Helpers that the figures of a GPU share.
#ifndef COXSWAIN_PROBE_GPU_LEAF_H
#define COXSWAIN_PROBE_GPU_LEAF_H

#include "gpu.h"

/// Remembers what a call said about the GPU itself, and returns it.
nvml_result gpu_note(gpu *g, nvml_result code);

void gpu_add_number(cJSON *json, const char *key, nvml_result code, double value);
void gpu_add_text(
  cJSON *json, const char *key, nvml_result (*call)(nvml_device, char *, unsigned), gpu *g, nvml_device device);
void gpu_add_unsigned(cJSON *json, const char *key, nvml_result (*call)(nvml_device, unsigned *), gpu *g);

/// Memory in use, of a GPU or of an instance of one.
void gpu_add_memory(cJSON *json, const nvml_api *api, gpu *g, nvml_device device);

/// "0000:17:00.0", if the answer is NVML_OK.
nvml_result gpu_bus_id(char *text, size_t length, const nvml_api *api, gpu *g);

#endif
