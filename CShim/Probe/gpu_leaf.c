#include "gpu_leaf.h"

#include <stdio.h>

#define TEXT_BYTES 96

nvml_result gpu_note(gpu *g, nvml_result code) {
  // What this driver does not have says nothing about the GPU.
  if (code == NVML_NO_FUNCTION) return code;
  g->calls++;
  if (code == NVML_LOST || code == NVML_RESET_REQUIRED) g->fault = code;
  if (code == NVML_MISMATCH || code == NVML_UNKNOWN || code == NVML_UNINITIALIZED || code == NVML_NO_DRIVER) {
    g->stale_calls++;
  }
  return code;
}

void gpu_add_leaf(cJSON *json, const char *key, nvml_result code, cJSON *value) {
  cJSON *leaf = cJSON_AddObjectToObject(json, key);
  if (!leaf || code != NVML_OK || !value) {
    cJSON_Delete(value);
    value = cJSON_CreateNull();
  }
  (void)cJSON_AddItemToObject(leaf, "value", value);
  (void)cJSON_AddStringToObject(leaf, "status", nvml_status(code));
}

void gpu_add_number(cJSON *json, const char *key, nvml_result code, double value) {
  gpu_add_leaf(json, key, code, cJSON_CreateNumber(value));
}

void gpu_add_text(
  cJSON *json, const char *key, nvml_result (*call)(nvml_device, char *, unsigned), gpu *g, nvml_device device) {
  char text[TEXT_BYTES] = "";
  nvml_result code = gpu_note(g, call ? call(device, text, sizeof text) : NVML_NO_FUNCTION);
  text[sizeof text - 1] = 0;
  gpu_add_leaf(json, key, code, cJSON_CreateString(text));
}

void gpu_add_unsigned(cJSON *json, const char *key, nvml_result (*call)(nvml_device, unsigned *), gpu *g) {
  unsigned value = 0;
  nvml_result code = gpu_note(g, call ? call(g->handle, &value) : NVML_NO_FUNCTION);
  gpu_add_number(json, key, code, value);
}

/// The second version leaves out what the driver reserves, which nobody can use.
void gpu_add_memory(cJSON *json, const nvml_api *api, gpu *g, nvml_device device) {
  nvml_memory_v2 two = {.version = NVML_MEMORY_V2_VERSION};
  nvml_memory_v1 one = {0};
  nvml_result code = api->memory_v2 ? api->memory_v2(device, &two) : NVML_NO_FUNCTION;
  if (code != NVML_OK && api->memory) {
    code = api->memory(device, &one);
    two.total = one.total;
    two.free = one.free;
    two.used = one.used;
  }
  (void)gpu_note(g, code);
  gpu_add_number(json, "memory_total_bytes", code, (double)two.total);
  gpu_add_number(json, "memory_used_bytes", code, (double)two.used);
  gpu_add_number(json, "memory_free_bytes", code, (double)two.free);
}

nvml_result gpu_bus_id(char *text, size_t length, const nvml_api *api, gpu *g) {
  nvml_pci pci = {0};
  nvml_result code = gpu_note(g, api->pci ? api->pci(g->handle, &pci) : NVML_NO_FUNCTION);
  // The library writes the domain with eight digits, sysfs with four.
  (void)snprintf(text, length, "%04x:%02x:%02x.0", pci.domain, pci.bus, pci.device);
  return code;
}
