/// The calls of NVIDIA's driver library that this helper makes. Its own declarations are not needed to build: the calls
/// are C with these types, stable since NVML 1. Every symbol may be missing: drivers are older and newer than this
/// file.
#ifndef COXSWAIN_PROBE_NVML_API_H
#define COXSWAIN_PROBE_NVML_API_H

#include <stdbool.h>

typedef void *nvml_device;
typedef void *nvml_event_set;
typedef void *nvml_sample;
typedef int nvml_result;

enum {
  NVML_OK = 0,
  NVML_UNINITIALIZED = 1,
  NVML_UNSUPPORTED = 3,
  NVML_NO_PERMISSION = 4,
  NVML_SMALL_BUFFER = 7,
  NVML_NO_DRIVER = 9,
  NVML_TIMEOUT = 10,
  NVML_NO_FUNCTION = 13,
  NVML_LOST = 15,
  NVML_RESET_REQUIRED = 16,
  NVML_BLOCKED = 17,
  NVML_MISMATCH = 18,
  NVML_UNKNOWN = 999,
};

typedef struct nvml_pci {
  char legacy_id[16];
  unsigned domain, bus, device, ids, subsystem_ids;
  char id[32];
} nvml_pci;

typedef struct nvml_memory_v1 {
  unsigned long long total, free, used;
} nvml_memory_v1;

typedef struct nvml_memory_v2 {
  unsigned version;
  unsigned long long total, reserved, free, used;
} nvml_memory_v2;

typedef struct nvml_utilization {
  unsigned gpu, memory;
} nvml_utilization;

typedef struct nvml_event {
  nvml_device device;
  unsigned long long type, data;
  unsigned gpu_instance, compute_instance;
} nvml_event;

typedef struct nvml_field {
  unsigned id, scope;
  long long timestamp, latency;
  unsigned type;
  nvml_result result;
  union {
    double real;
    unsigned u32;
    unsigned long u64_long;
    unsigned long long u64;
    long long s64;
    int s32;
  } value;
} nvml_field;

typedef struct nvml_gpm_support {
  unsigned version, is_supported;
} nvml_gpm_support;

typedef struct nvml_gpm_metric {
  unsigned id;
  nvml_result result;
  double value;
  char *names[3];
} nvml_gpm_metric;

/// The library reads `count` metrics; it declares room for some hundreds.
typedef struct nvml_gpm_query {
  unsigned version, count;
  nvml_sample older, newer;
  nvml_gpm_metric metrics[512];
} nvml_gpm_query;

/// Size and version of a structure, as the library checks it.
#define NVML_MEMORY_V2_VERSION (sizeof(nvml_memory_v2) | 2U << 24)
#define NVML_EVENT_XID 0x8ULL
#define NVML_ALL_LINKS 0xffffffffU

_Static_assert(sizeof(nvml_pci) == 68, "nvmlPciInfo_t");
_Static_assert(sizeof(nvml_memory_v1) == 24, "nvmlMemory_t");
_Static_assert(sizeof(nvml_memory_v2) == 40, "nvmlMemory_v2_t");
_Static_assert(sizeof(nvml_event) == 32, "nvmlEventData_t");
_Static_assert(sizeof(nvml_field) == 40, "nvmlFieldValue_t");
_Static_assert(sizeof(nvml_gpm_metric) == 40, "nvmlGpmMetric_t");

typedef struct nvml_api {
  nvml_result (*init)(void);
  nvml_result (*shutdown)(void);
  const char *(*error)(nvml_result);
  nvml_result (*driver_version)(char *, unsigned);
  nvml_result (*count)(unsigned *);
  nvml_result (*by_index)(unsigned, nvml_device *);
  nvml_result (*uuid)(nvml_device, char *, unsigned);
  nvml_result (*name)(nvml_device, char *, unsigned);
  nvml_result (*pci)(nvml_device, nvml_pci *);
  nvml_result (*memory)(nvml_device, nvml_memory_v1 *);
  nvml_result (*memory_v2)(nvml_device, nvml_memory_v2 *);
  nvml_result (*utilization)(nvml_device, nvml_utilization *);
  nvml_result (*power)(nvml_device, unsigned *);
  nvml_result (*power_limit)(nvml_device, unsigned *);
  nvml_result (*temperature)(nvml_device, int, unsigned *);
  nvml_result (*clock_reasons)(nvml_device, unsigned long long *);
  nvml_result (*ecc)(nvml_device, int, int, unsigned long long *);
  nvml_result (*mig)(nvml_device, unsigned *, unsigned *);
  nvml_result (*mig_max)(nvml_device, unsigned *);
  nvml_result (*mig_by_index)(nvml_device, unsigned, nvml_device *);
  nvml_result (*remapped_rows)(nvml_device, unsigned *, unsigned *, unsigned *, unsigned *);
  nvml_result (*fields)(nvml_device, int, nvml_field *);
  nvml_result (*processes)(nvml_device, unsigned *, void *);
  nvml_result (*link_state)(nvml_device, unsigned, unsigned *);
  nvml_result (*link_version)(nvml_device, unsigned, unsigned *);
  nvml_result (*link_remote_type)(nvml_device, unsigned, unsigned *);
  nvml_result (*pcie_generation)(nvml_device, unsigned *);
  nvml_result (*pcie_width)(nvml_device, unsigned *);
  nvml_result (*cpu_affinity)(nvml_device, unsigned, unsigned long *, unsigned);
  nvml_result (*numa_node)(nvml_device, unsigned *);
  nvml_result (*p2p)(nvml_device, nvml_device, unsigned, unsigned *);
  nvml_result (*common_ancestor)(nvml_device, nvml_device, unsigned *);
  nvml_result (*events_create)(nvml_event_set *);
  nvml_result (*events_register)(nvml_device, unsigned long long, nvml_event_set);
  nvml_result (*events_wait)(nvml_event_set, nvml_event *, unsigned);
  nvml_result (*events_free)(nvml_event_set);
  nvml_result (*gpm_support)(nvml_device, nvml_gpm_support *);
  nvml_result (*gpm_alloc)(nvml_sample *);
  nvml_result (*gpm_get)(nvml_device, nvml_sample);
  nvml_result (*gpm_metrics)(nvml_gpm_query *);
} nvml_api;

/// Finds what the library has.
void nvml_bind(nvml_api *api, void *library);

/// A status of the document: ok, unsupported, denied or lost.
const char *nvml_status(nvml_result code);

#endif
