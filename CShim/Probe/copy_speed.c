#include "copy_speed.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "gpu_leaf.h"
#include "stage.h"

/// Copied at once, and how often: the best counts, since the first one wakes the GPU's clocks.
#define COPY_BYTES (64U << 20)
#define COPIES 4
#define GPUS_MAX 64

typedef int cu_result;
typedef int cu_device;
typedef void *cu_context;
typedef unsigned long long cu_pointer;

/// The calls that are made; all of them are as old as the library.
typedef struct cuda {
  cu_result (*init)(unsigned);
  cu_result (*count)(int *);
  cu_result (*get)(cu_device *, int);
  cu_result (*bus_id)(char *, int, cu_device);
  cu_result (*retain)(cu_context *, cu_device);
  cu_result (*release)(cu_device);
  cu_result (*use)(cu_context);
  cu_result (*host_alloc)(void **, size_t);
  cu_result (*host_free)(void *);
  cu_result (*alloc)(cu_pointer *, size_t);
  cu_result (*free)(cu_pointer);
  cu_result (*to_gpu)(cu_pointer, const void *, size_t);
  cu_result (*from_gpu)(void *, cu_pointer, size_t);
} cuda;

static bool bind(void *library, void *slot, const char *name) {
  void *symbol = dlsym(library, name);
  // ISO C has no conversion from an object pointer to a function pointer; POSIX has.
  memcpy(slot, &symbol, sizeof symbol);
  return symbol != NULL;
}

static bool bind_all(cuda *c, void *library) {
  return bind(library, &c->init, "cuInit") && bind(library, &c->count, "cuDeviceGetCount") &&
         bind(library, &c->get, "cuDeviceGet") && bind(library, &c->bus_id, "cuDeviceGetPCIBusId") &&
         bind(library, &c->retain, "cuDevicePrimaryCtxRetain") &&
         bind(library, &c->release, "cuDevicePrimaryCtxRelease_v2") && bind(library, &c->use, "cuCtxSetCurrent") &&
         bind(library, &c->host_alloc, "cuMemAllocHost_v2") && bind(library, &c->host_free, "cuMemFreeHost") &&
         bind(library, &c->alloc, "cuMemAlloc_v2") && bind(library, &c->free, "cuMemFree_v2") &&
         bind(library, &c->to_gpu, "cuMemcpyHtoD_v2") && bind(library, &c->from_gpu, "cuMemcpyDtoH_v2");
}

/// Which GPUs others use, by PCI address.
typedef struct users {
  nvml_api api;
  bool known;
  unsigned count;
  gpu gpus[GPUS_MAX];
} users;

static void open_users(users *u, const char *library) {
  void *handle = dlopen(library, RTLD_LAZY | RTLD_LOCAL);
  if (!handle) return;
  nvml_bind(&u->api, handle);
  u->known = u->api.init && u->api.init() == NVML_OK && u->api.count && u->api.by_index && u->api.processes &&
             u->api.count(&u->count) == NVML_OK;
  for (unsigned i = 0; u->known && i < u->count && i < GPUS_MAX; i++) {
    u->gpus[i].found = u->api.by_index(i, &u->gpus[i].handle);
  }
}

/// Why a GPU is left alone; NULL if nobody computes on it.
static const char *busy(users *u, const char *bus_id) {
  char id[32];
  if (!u->known) return "nobody can tell whether it is in use";
  for (unsigned i = 0; i < u->count && i < GPUS_MAX; i++) {
    gpu *g = &u->gpus[i];
    unsigned processes = 0;
    if (g->found != NVML_OK || gpu_bus_id(id, sizeof id, &u->api, g) != NVML_OK || strcmp(id, bus_id) != 0) continue;
    nvml_result code = u->api.processes(g->handle, &processes, NULL);
    if (code == NVML_OK || code == NVML_SMALL_BUFFER) return processes > 0 ? "processes compute on it" : NULL;
  }
  return "nobody can tell whether it is in use";
}

static double now_s(void) {
  struct timespec time = {0};
  // Cannot fail: the clock exists on every Linux and the pointer is valid.
  (void)clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/// Megabytes per second of the best copy; 0 if one failed.
static double copy(const cuda *c, void *host, cu_pointer device, bool to_gpu) {
  double best = 0;
  for (int i = 0; i < COPIES; i++) {
    double start = now_s();
    cu_result code = to_gpu ? c->to_gpu(device, host, COPY_BYTES) : c->from_gpu(host, device, COPY_BYTES);
    double seconds = now_s() - start;
    if (code != 0) return 0;
    double speed = seconds > 0 ? COPY_BYTES / seconds / 1e6 : 0;
    if (speed > best) best = speed;
  }
  return best;
}

static void measure(cJSON *row, const cuda *c, cu_device device) {
  cu_context context = NULL;
  cu_pointer memory = 0;
  void *host = NULL;
  double to = 0, from = 0;
  if (c->retain(&context, device) != 0) return (void)cJSON_AddStringToObject(row, "skipped", "no context");
  bool ready = c->use(context) == 0 && c->host_alloc(&host, COPY_BYTES) == 0 && c->alloc(&memory, COPY_BYTES) == 0;
  if (ready) {
    memset(host, 1, COPY_BYTES);
    to = copy(c, host, memory, true);
    from = copy(c, host, memory, false);
  } else {
    (void)cJSON_AddStringToObject(row, "skipped", "no memory");
  }
  // The process ends soon: what cannot be given back goes with it.
  if (memory) (void)c->free(memory);
  if (host) (void)c->host_free(host);
  (void)c->release(device);
  if (!ready) return;
  gpu_add_number(row, "to_gpu_mb_s", to > 0 ? NVML_OK : NVML_LOST, (double)(long long)to);
  gpu_add_number(row, "from_gpu_mb_s", from > 0 ? NVML_OK : NVML_LOST, (double)(long long)from);
}

static void add_gpus(cJSON *json, const cuda *c, users *u, bool force) {
  cJSON *array = cJSON_AddArrayToObject(json, "gpus");
  int count = 0;
  if (c->count(&count) != 0) count = 0;
  for (int i = 0; i < count && i < GPUS_MAX; i++) {
    cu_device device = 0;
    char id[32] = "";
    cJSON *row = cJSON_CreateObject();
    if (!row || !cJSON_AddItemToArray(array, row)) return;
    if (c->get(&device, i) != 0 || c->bus_id(id, sizeof id, device) != 0) continue;
    for (char *at = id; *at; at++) *at = (char)(*at >= 'A' && *at <= 'Z' ? *at - 'A' + 'a' : *at);
    (void)cJSON_AddStringToObject(row, "bus_id", id);
    const char *why = force ? NULL : busy(u, id);
    stage_enter("copy");
    if (why) {
      (void)cJSON_AddStringToObject(row, "skipped", why);
    } else {
      measure(row, c, device);
    }
  }
}

void copy_speeds_add(cJSON *json, const char *library, const char *nvml, bool force) {
  static cuda c;
  static users u;
  stage_enter("load");
  void *handle = dlopen(library, RTLD_LAZY | RTLD_LOCAL);
  if (!handle || !bind_all(&c, handle)) {
    (void)cJSON_AddStringToObject(json, "cuda", handle ? "the library lacks symbols" : dlerror());
    return;
  }
  stage_enter("init");
  open_users(&u, nvml);
  cu_result code = c.init(0);
  char text[48] = "";
  if (code != 0) (void)snprintf(text, sizeof text, "cuInit failed with error %d", code);
  (void)cJSON_AddStringToObject(json, "cuda", text);
  if (code == 0) add_gpus(json, &c, &u, force);
}
