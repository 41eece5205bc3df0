#include "nvml.h"

#include <dlfcn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define GPUS_DOCUMENT_VERSION 1
#define GPUS_MAX 64
#define TEXT_BYTES 96

/// The library's own declarations are not needed to build: its calls are C with these types, stable since NVML 1.
typedef void *device;
typedef int result;

enum {
  NVML_OK = 0,
  NVML_UNSUPPORTED = 3,
  NVML_NO_PERMISSION = 4,
  NVML_NO_DRIVER = 9,
  NVML_NO_FUNCTION = 13,
  NVML_BLOCKED = 17,
};

typedef struct pci_info {
  char legacy_id[16];
  unsigned domain, bus, device, ids, subsystem_ids;
  char id[32];
} pci_info;

typedef struct memory_v1 {
  unsigned long long total, free, used;
} memory_v1;

typedef struct memory_v2 {
  unsigned version;
  unsigned long long total, reserved, free, used;
} memory_v2;

/// Size and version of the structure, as the library checks it.
#define MEMORY_V2_VERSION (sizeof(memory_v2) | 2U << 24)

typedef struct utilization {
  unsigned gpu, memory;
} utilization;

_Static_assert(sizeof(pci_info) == 68, "nvmlPciInfo_t");
_Static_assert(sizeof(memory_v1) == 24, "nvmlMemory_t");
_Static_assert(sizeof(memory_v2) == 40, "nvmlMemory_v2_t");

/// Every symbol may be missing: drivers are older and newer than this file.
typedef struct nvml {
  result (*init)(void);
  result (*shutdown)(void);
  const char *(*error)(result);
  result (*driver_version)(char *, unsigned);
  result (*count)(unsigned *);
  result (*by_index)(unsigned, device *);
  result (*uuid)(device, char *, unsigned);
  result (*name)(device, char *, unsigned);
  result (*pci)(device, pci_info *);
  result (*memory)(device, memory_v1 *);
  result (*memory_v2)(device, memory_v2 *);
  result (*utilization)(device, utilization *);
  result (*power)(device, unsigned *);
  result (*power_limit)(device, unsigned *);
  result (*temperature)(device, int, unsigned *);
  result (*clock_reasons)(device, unsigned long long *);
  result (*ecc)(device, int, int, unsigned long long *);
  result (*mig)(device, unsigned *, unsigned *);
} nvml;

static void bind(void *library, void *slot, const char *name, const char *older) {
  void *symbol = dlsym(library, name);
  if (!symbol && older) symbol = dlsym(library, older);
  // ISO C has no conversion from an object pointer to a function pointer; POSIX has.
  memcpy(slot, &symbol, sizeof symbol);
}

static void bind_all(void *library, nvml *n) {
  bind(library, &n->init, "nvmlInit_v2", "nvmlInit");
  bind(library, &n->shutdown, "nvmlShutdown", NULL);
  bind(library, &n->error, "nvmlErrorString", NULL);
  bind(library, &n->driver_version, "nvmlSystemGetDriverVersion", NULL);
  bind(library, &n->count, "nvmlDeviceGetCount_v2", "nvmlDeviceGetCount");
  bind(library, &n->by_index, "nvmlDeviceGetHandleByIndex_v2", "nvmlDeviceGetHandleByIndex");
  bind(library, &n->uuid, "nvmlDeviceGetUUID", NULL);
  bind(library, &n->name, "nvmlDeviceGetName", NULL);
  bind(library, &n->pci, "nvmlDeviceGetPciInfo_v3", NULL);
  bind(library, &n->memory, "nvmlDeviceGetMemoryInfo", NULL);
  bind(library, &n->memory_v2, "nvmlDeviceGetMemoryInfo_v2", NULL);
  bind(library, &n->utilization, "nvmlDeviceGetUtilizationRates", NULL);
  bind(library, &n->power, "nvmlDeviceGetPowerUsage", NULL);
  bind(library, &n->power_limit, "nvmlDeviceGetEnforcedPowerLimit", NULL);
  bind(library, &n->temperature, "nvmlDeviceGetTemperature", NULL);
  bind(library, &n->clock_reasons, "nvmlDeviceGetCurrentClocksEventReasons",
       "nvmlDeviceGetCurrentClocksThrottleReasons");
  bind(library, &n->ecc, "nvmlDeviceGetTotalEccErrors", NULL);
  bind(library, &n->mig, "nvmlDeviceGetMigMode", NULL);
}

static const char *status_of(result code) {
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

/// Adds {"value", "status"}; takes `value`, which counts for NVML_OK only.
static void add(cJSON *json, const char *key, result code, cJSON *value) {
  cJSON *leaf = cJSON_AddObjectToObject(json, key);
  if (!leaf || code != NVML_OK || !value) {
    cJSON_Delete(value);
    value = cJSON_CreateNull();
  }
  (void)cJSON_AddItemToObject(leaf, "value", value);
  (void)cJSON_AddStringToObject(leaf, "status", status_of(code));
}

static void add_number(cJSON *json, const char *key, result code, double value) {
  add(json, key, code, cJSON_CreateNumber(value));
}

static void add_text(cJSON *json, const char *key, result (*call)(device, char *, unsigned), device gpu) {
  char text[TEXT_BYTES] = "";
  result code = call ? call(gpu, text, sizeof text) : NVML_NO_FUNCTION;
  text[sizeof text - 1] = 0;
  add(json, key, code, cJSON_CreateString(text));
}

static void add_unsigned(cJSON *json, const char *key, result (*call)(device, unsigned *), device gpu) {
  unsigned value = 0;
  result code = call ? call(gpu, &value) : NVML_NO_FUNCTION;
  add_number(json, key, code, value);
}

static void add_place(cJSON *json, const nvml *n, device gpu) {
  pci_info pci = {0};
  char text[32];
  result code = n->pci ? n->pci(gpu, &pci) : NVML_NO_FUNCTION;
  // The library writes the domain with eight digits, sysfs with four.
  (void)snprintf(text, sizeof text, "%04x:%02x:%02x.0", pci.domain, pci.bus, pci.device);
  add(json, "bus_id", code, cJSON_CreateString(text));
}

/// The second version leaves out what the driver reserves, which nobody can use.
static void add_memory(cJSON *json, const nvml *n, device gpu) {
  memory_v2 two = {.version = MEMORY_V2_VERSION};
  memory_v1 one = {0};
  result code = n->memory_v2 ? n->memory_v2(gpu, &two) : NVML_NO_FUNCTION;
  if (code != NVML_OK && n->memory) {
    code = n->memory(gpu, &one);
    two.total = one.total;
    two.free = one.free;
    two.used = one.used;
  }
  add_number(json, "memory_total_bytes", code, (double)two.total);
  add_number(json, "memory_used_bytes", code, (double)two.used);
  add_number(json, "memory_free_bytes", code, (double)two.free);
}

static void add_activity(cJSON *json, const nvml *n, device gpu) {
  utilization busy = {0};
  unsigned long long reasons = 0, errors = 0;
  unsigned degrees = 0, mig = 0, pending = 0;
  result code = n->utilization ? n->utilization(gpu, &busy) : NVML_NO_FUNCTION;
  add_number(json, "utilization_percent", code, busy.gpu);
  add_number(json, "memory_utilization_percent", code, busy.memory);
  add_unsigned(json, "power_mw", n->power, gpu);
  add_unsigned(json, "power_limit_mw", n->power_limit, gpu);
  code = n->temperature ? n->temperature(gpu, 0, &degrees) : NVML_NO_FUNCTION;
  add_number(json, "temperature_celsius", code, degrees);
  code = n->clock_reasons ? n->clock_reasons(gpu, &reasons) : NVML_NO_FUNCTION;
  add_number(json, "clock_limit_reasons", code, (double)reasons);
  // Uncorrected errors since the GPU was made.
  code = n->ecc ? n->ecc(gpu, 1, 1, &errors) : NVML_NO_FUNCTION;
  add_number(json, "ecc_uncorrected", code, (double)errors);
  code = n->mig ? n->mig(gpu, &mig, &pending) : NVML_NO_FUNCTION;
  add(json, "mig", code, cJSON_CreateBool(mig != 0));
}

static void add_gpus(cJSON *json, const nvml *n) {
  cJSON *array = cJSON_AddArrayToObject(json, "gpus");
  unsigned count = 0;
  result code = n->count ? n->count(&count) : NVML_NO_FUNCTION;
  add_number(json, "count", code, count);
  for (unsigned i = 0; code == NVML_OK && i < count && i < GPUS_MAX; i++) {
    device gpu = NULL;
    cJSON *row = cJSON_CreateObject();
    if (!row || !cJSON_AddItemToArray(array, row)) return;
    result found = n->by_index ? n->by_index(i, &gpu) : NVML_NO_FUNCTION;
    (void)cJSON_AddNumberToObject(row, "index", i);
    (void)cJSON_AddStringToObject(row, "status", status_of(found));
    if (found != NVML_OK) continue;
    add_place(row, n, gpu);
    add_text(row, "uuid", n->uuid, gpu);
    add_text(row, "name", n->name, gpu);
    add_memory(row, n, gpu);
    add_activity(row, n, gpu);
  }
}

static void add_library(cJSON *json, const char *status, const char *message) {
  (void)cJSON_AddStringToObject(json, "library", status);
  (void)cJSON_AddStringToObject(json, "message", message ? message : "");
}

cJSON *probe_gpus_document(const char *library) {
  nvml n = {0};
  cJSON *json = cJSON_CreateObject();
  (void)cJSON_AddNumberToObject(json, "version", GPUS_DOCUMENT_VERSION);
  void *handle = dlopen(library, RTLD_LAZY | RTLD_LOCAL);
  if (!handle) {
    add_library(json, "unsupported", dlerror());
    return json;
  }
  bind_all(handle, &n);
  result code = n.init ? n.init() : NVML_NO_FUNCTION;
  if (code != NVML_OK) {
    add_library(json, status_of(code), n.error ? n.error(code) : "");
    return json;
  }
  char text[TEXT_BYTES] = "";
  result known = n.driver_version ? n.driver_version(text, sizeof text) : NVML_NO_FUNCTION;
  add_library(json, "ok", "");
  add(json, "driver_version", known, cJSON_CreateString(text));
  add_gpus(json, &n);
  // The process ends here: neither a failing shutdown nor an open library matters.
  if (n.shutdown) (void)n.shutdown();
  return json;
}
