#include "nvml_api.h"

#include <dlfcn.h>
#include <string.h>

static void bind(void *library, void *slot, const char *name, const char *older) {
  void *symbol = dlsym(library, name);
  if (!symbol && older) symbol = dlsym(library, older);
  // ISO C has no conversion from an object pointer to a function pointer; POSIX has.
  memcpy(slot, &symbol, sizeof symbol);
}

static void bind_figures(nvml_api *api, void *library) {
  bind(library, &api->memory, "nvmlDeviceGetMemoryInfo", NULL);
  bind(library, &api->memory_v2, "nvmlDeviceGetMemoryInfo_v2", NULL);
  bind(library, &api->utilization, "nvmlDeviceGetUtilizationRates", NULL);
  bind(library, &api->power, "nvmlDeviceGetPowerUsage", NULL);
  bind(library, &api->power_limit, "nvmlDeviceGetEnforcedPowerLimit", NULL);
  bind(library, &api->temperature, "nvmlDeviceGetTemperature", NULL);
  bind(library, &api->clock_reasons, "nvmlDeviceGetCurrentClocksEventReasons",
       "nvmlDeviceGetCurrentClocksThrottleReasons");
  bind(library, &api->ecc, "nvmlDeviceGetTotalEccErrors", NULL);
  bind(library, &api->mig, "nvmlDeviceGetMigMode", NULL);
  bind(library, &api->mig_max, "nvmlDeviceGetMaxMigDeviceCount", NULL);
  bind(library, &api->mig_by_index, "nvmlDeviceGetMigDeviceHandleByIndex", NULL);
  bind(library, &api->remapped_rows, "nvmlDeviceGetRemappedRows", NULL);
  bind(library, &api->fields, "nvmlDeviceGetFieldValues", NULL);
  bind(library, &api->processes, "nvmlDeviceGetComputeRunningProcesses_v3",
       "nvmlDeviceGetComputeRunningProcesses_v2");
  bind(library, &api->gpm_support, "nvmlGpmQueryDeviceSupport", NULL);
  bind(library, &api->gpm_alloc, "nvmlGpmSampleAlloc", NULL);
  bind(library, &api->gpm_get, "nvmlGpmSampleGet", NULL);
  bind(library, &api->gpm_metrics, "nvmlGpmMetricsGet", NULL);
}

static void bind_places(nvml_api *api, void *library) {
  bind(library, &api->link_state, "nvmlDeviceGetNvLinkState", NULL);
  bind(library, &api->link_version, "nvmlDeviceGetNvLinkVersion", NULL);
  bind(library, &api->link_remote_type, "nvmlDeviceGetNvLinkRemoteDeviceType", NULL);
  bind(library, &api->pcie_generation, "nvmlDeviceGetCurrPcieLinkGeneration", NULL);
  bind(library, &api->pcie_width, "nvmlDeviceGetCurrPcieLinkWidth", NULL);
  bind(library, &api->cpu_affinity, "nvmlDeviceGetCpuAffinityWithinScope", NULL);
  bind(library, &api->numa_node, "nvmlDeviceGetNumaNodeId", NULL);
  bind(library, &api->p2p, "nvmlDeviceGetP2PStatus", NULL);
  bind(library, &api->common_ancestor, "nvmlDeviceGetTopologyCommonAncestor", NULL);
}

void nvml_bind(nvml_api *api, void *library) {
  bind(library, &api->init, "nvmlInit_v2", "nvmlInit");
  bind(library, &api->shutdown, "nvmlShutdown", NULL);
  bind(library, &api->error, "nvmlErrorString", NULL);
  bind(library, &api->driver_version, "nvmlSystemGetDriverVersion", NULL);
  bind(library, &api->count, "nvmlDeviceGetCount_v2", "nvmlDeviceGetCount");
  bind(library, &api->by_index, "nvmlDeviceGetHandleByIndex_v2", "nvmlDeviceGetHandleByIndex");
  bind(library, &api->uuid, "nvmlDeviceGetUUID", NULL);
  bind(library, &api->name, "nvmlDeviceGetName", NULL);
  bind(library, &api->pci, "nvmlDeviceGetPciInfo_v3", "nvmlDeviceGetPciInfo_v2");
  bind(library, &api->events_create, "nvmlEventSetCreate", NULL);
  bind(library, &api->events_register, "nvmlDeviceRegisterEvents", NULL);
  bind(library, &api->events_wait, "nvmlEventSetWait_v2", "nvmlEventSetWait");
  bind(library, &api->events_free, "nvmlEventSetFree", NULL);
  bind_figures(api, library);
  bind_places(api, library);
}

const char *nvml_status(nvml_result code) {
  switch (code) {
    case NVML_OK: return "ok";
    case NVML_UNSUPPORTED:
    case NVML_NO_DRIVER:
    case NVML_NO_FUNCTION: return "unsupported";
    case NVML_NO_PERMISSION:
    case NVML_BLOCKED: return "denied";
    default: return "lost";
  }
}
