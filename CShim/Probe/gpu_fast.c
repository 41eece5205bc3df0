#include "gpu_leaf.h"

/// Numbers of the library's fields.
enum {
  FIELD_POWER_INSTANT = 186,
  FIELD_PCIE_TX_BYTES = 197,
  FIELD_PCIE_RX_BYTES = 198,
  FIELD_NVLINK_TX_KIB = 138,
  FIELD_NVLINK_RX_KIB = 139,
};

enum { GPM_SM_OCCUPANCY = 3 };

static double number_of(const nvml_field *field) {
  switch (field->type) {
    case 0: return field->value.real;
    case 1: return field->value.u32;
    case 2: return (double)field->value.u64_long;
    case 3: return (double)field->value.u64;
    case 4: return (double)field->value.s64;
    default: return field->value.s32;
  }
}

/// Counters by field values: one call for all, where the getters of the same figures take 20 ms each.
static void add_counters(cJSON *json, const nvml_api *api, gpu *g) {
  static const struct {
    const char *key;
    unsigned id, scope;
    double factor;
  } rows[] = {
    {"power_instant_mw", FIELD_POWER_INSTANT, 0, 1},
    {"pcie_tx_bytes", FIELD_PCIE_TX_BYTES, 0, 1},
    {"pcie_rx_bytes", FIELD_PCIE_RX_BYTES, 0, 1},
    {"nvlink_tx_bytes", FIELD_NVLINK_TX_KIB, NVML_ALL_LINKS, 1024},
    {"nvlink_rx_bytes", FIELD_NVLINK_RX_KIB, NVML_ALL_LINKS, 1024},
  };
  enum { COUNT = sizeof rows / sizeof rows[0] };
  nvml_field fields[COUNT] = {0};
  for (int i = 0; i < COUNT; i++) fields[i] = (nvml_field){.id = rows[i].id, .scope = rows[i].scope};
  nvml_result all = gpu_note(g, api->fields ? api->fields(g->handle, COUNT, fields) : NVML_NO_FUNCTION);
  for (int i = 0; i < COUNT; i++) {
    nvml_result code = all == NVML_OK ? fields[i].result : all;
    gpu_add_number(json, rows[i].key, code, code == NVML_OK ? number_of(&fields[i]) * rows[i].factor : 0);
  }
}

/// Share of the warps that could run on the multiprocessors between the last two rounds.
static nvml_result occupancy(const nvml_api *api, gpu *g, double *value) {
  if (!g->samples[0] || !g->samples[1] || !api->gpm_get || !api->gpm_metrics) return NVML_UNSUPPORTED;
  nvml_result code = api->gpm_get(g->handle, g->samples[g->samples_taken % 2]);
  if (code != NVML_OK) return code;
  g->samples_taken++;
  if (g->samples_taken < 2) return NVML_UNSUPPORTED;
  static nvml_gpm_query query;
  query = (nvml_gpm_query){.version = 1, .count = 1, .metrics = {{.id = GPM_SM_OCCUPANCY}}};
  query.older = g->samples[g->samples_taken % 2];
  query.newer = g->samples[(g->samples_taken + 1) % 2];
  code = api->gpm_metrics(&query);
  *value = query.metrics[0].value;
  return code == NVML_OK ? query.metrics[0].result : code;
}

void gpu_add_fast(cJSON *json, const nvml_api *api, gpu *g) {
  nvml_utilization busy = {0};
  unsigned long long reasons = 0;
  unsigned degrees = 0;
  double occupied = 0;
  gpu_add_memory(json, api, g, g->handle);
  nvml_result code = gpu_note(g, api->utilization ? api->utilization(g->handle, &busy) : NVML_NO_FUNCTION);
  gpu_add_number(json, "utilization_percent", code, busy.gpu);
  gpu_add_number(json, "memory_utilization_percent", code, busy.memory);
  code = gpu_note(g, occupancy(api, g, &occupied));
  gpu_add_number(json, "sm_occupancy_percent", code, occupied);
  gpu_add_unsigned(json, "power_mw", api->power, g);
  code = gpu_note(g, api->temperature ? api->temperature(g->handle, 0, &degrees) : NVML_NO_FUNCTION);
  gpu_add_number(json, "temperature_celsius", code, degrees);
  code = gpu_note(g, api->clock_reasons ? api->clock_reasons(g->handle, &reasons) : NVML_NO_FUNCTION);
  gpu_add_number(json, "clock_limit_reasons", code, (double)reasons);
  add_counters(json, api, g);
  gpu_add_number(json, "xid_last", g->xid_watched, g->xid_last);
  gpu_add_number(json, "xid_count", g->xid_watched, g->xid_count);
}
