#include "nvml.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "gpu_leaf.h"
#include "stage.h"
#include "sysfs_gpu.h"

#define GPUS_DOCUMENT_VERSION 1
#define GPUS_MAX 64
#define TEXT_BYTES 96
#define EVENT_PAUSE_MS 100
/// The driver was exchanged under this process: whoever runs it starts it anew.
#define EXIT_RELOADED 75

/// The driver's library, opened, and its GPUs.
typedef struct driver {
  nvml_api api;
  const char *status;
  char message[256];
  char version[TEXT_BYTES];
  nvml_result version_known, count_known;
  unsigned count;
  gpu gpus[GPUS_MAX];
  nvml_event_set events;
  /// GPUs of other makers.
  unsigned others;
} driver;

static unsigned listed(const driver *d) { return d->count < GPUS_MAX ? d->count : GPUS_MAX; }

static void fail(driver *d, const char *status, const char *message) {
  d->status = status;
  (void)snprintf(d->message, sizeof d->message, "%s", message ? message : "");
}

static void find_gpus(driver *d) {
  d->count_known = d->api.count ? d->api.count(&d->count) : NVML_NO_FUNCTION;
  if (d->count_known != NVML_OK) d->count = 0;
  for (unsigned i = 0; i < listed(d); i++) {
    gpu *g = &d->gpus[i];
    *g = (gpu){.index = i, .xid_watched = NVML_UNSUPPORTED};
    g->found = d->api.by_index ? d->api.by_index(i, &g->handle) : NVML_NO_FUNCTION;
  }
}

/// Leaves `status` other than "ok" where the library cannot be used.
static void open_driver(driver *d, const char *library) {
  stage_enter("load");
  void *handle = dlopen(library, RTLD_LAZY | RTLD_LOCAL);
  if (!handle) return fail(d, "unsupported", dlerror());
  nvml_bind(&d->api, handle);
  stage_enter("init");
  nvml_result code = d->api.init ? d->api.init() : NVML_NO_FUNCTION;
  if (code != NVML_OK) return fail(d, nvml_status(code), d->api.error ? d->api.error(code) : "");
  d->status = "ok";
  d->version_known = d->api.driver_version ? d->api.driver_version(d->version, TEXT_BYTES) : NVML_NO_FUNCTION;
  d->version[TEXT_BYTES - 1] = 0;
  find_gpus(d);
}

static void add_gpu(cJSON *array, const driver *d, gpu *g, bool slow) {
  char text[32];
  cJSON *row = cJSON_CreateObject();
  if (!row || !cJSON_AddItemToArray(array, row)) return;
  g->fault = NVML_OK;
  g->calls = g->stale_calls = 0;
  (void)cJSON_AddNumberToObject(row, "index", g->index);
  (void)cJSON_AddStringToObject(row, "status", nvml_status(gpu_note(g, g->found)));
  if (g->found == NVML_OK) {
    nvml_result placed = gpu_bus_id(text, sizeof text, &d->api, g);
    gpu_add_leaf(row, "bus_id", placed, cJSON_CreateString(text));
    gpu_add_leaf(row, "vendor", NVML_OK, cJSON_CreateString("nvidia"));
    gpu_add_text(row, "uuid", d->api.uuid, g, g->handle);
    gpu_add_text(row, "name", d->api.name, g, g->handle);
    gpu_add_fast(row, &d->api, g);
    cJSON *more = slow ? cJSON_AddObjectToObject(row, "slow") : NULL;
    if (more) gpu_add_slow(more, &d->api, g);
  }
  if (g->fault != NVML_OK) (void)cJSON_AddNumberToObject(row, "fault", g->fault);
}

static void add_pairs(cJSON *json, driver *d) {
  cJSON *array = cJSON_AddArrayToObject(json, "pairs");
  for (unsigned a = 0; a < listed(d); a++) {
    for (unsigned b = a + 1; b < listed(d); b++) {
      gpu *one = &d->gpus[a], *other = &d->gpus[b];
      if (one->found == NVML_OK && other->found == NVML_OK) gpu_add_pair(array, &d->api, one, other);
    }
  }
}

static cJSON *document(driver *d, bool slow, const char *sysfs) {
  cJSON *json = cJSON_CreateObject();
  (void)cJSON_AddNumberToObject(json, "version", GPUS_DOCUMENT_VERSION);
  (void)cJSON_AddStringToObject(json, "library", d->status);
  (void)cJSON_AddStringToObject(json, "message", d->message);
  cJSON *array = cJSON_AddArrayToObject(json, "gpus");
  if (!strcmp(d->status, "ok")) {
    gpu_add_leaf(json, "driver_version", d->version_known, cJSON_CreateString(d->version));
    gpu_add_number(json, "count", d->count_known, d->count);
    if (slow) stage_enter("slow");
    for (unsigned i = 0; i < listed(d); i++) add_gpu(array, d, &d->gpus[i], slow);
    if (slow) add_pairs(json, d);
  }
  stage_enter("sysfs");
  d->others = sysfs_gpus_add(array, sysfs, listed(d));
  return json;
}

cJSON *probe_gpus_document(const char *library, const char *sysfs) {
  static driver d;
  open_driver(&d, library);
  cJSON *json = document(&d, true, sysfs);
  // The process ends here: neither a failing shutdown nor an open library matters.
  if (!strcmp(d.status, "ok") && d.api.shutdown) (void)d.api.shutdown();
  return json;
}

// MARK: - Streaming

static long long now_ms(void) {
  struct timespec time = {0};
  // Cannot fail: the clock exists on every Linux and the pointer is valid.
  (void)clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1000LL + time.tv_nsec / 1000000;
}

static void watch(driver *d) {
  const nvml_api *api = &d->api;
  bool all = api->events_create && api->events_register && api->events_wait;
  if (all && api->events_create(&d->events) != NVML_OK) d->events = NULL;
  for (unsigned i = 0; i < listed(d); i++) {
    gpu *g = &d->gpus[i];
    nvml_gpm_support support = {.version = 1};
    if (g->found != NVML_OK) continue;
    if (d->events) g->xid_watched = api->events_register(g->handle, NVML_EVENT_XID, d->events);
    bool gpm = api->gpm_support && api->gpm_alloc && api->gpm_support(g->handle, &support) == NVML_OK;
    if (!gpm || !support.is_supported) continue;
    for (int s = 0; s < 2; s++) {
      if (api->gpm_alloc(&g->samples[s]) != NVML_OK) g->samples[s] = NULL;
    }
  }
}

static void pause_ms(long long ms) {
  struct timespec time = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
  while (nanosleep(&time, &time) != 0 && errno == EINTR) {
  }
}

/// Waits for an XID, at most so long. True if one came.
static bool wait_for_event(driver *d, long long ms) {
  nvml_event event = {0};
  if (ms <= 0) return false;
  if (!d->events) {
    pause_ms(ms);
    return false;
  }
  long long start = now_ms();
  nvml_result code = d->api.events_wait(d->events, &event, (unsigned)ms);
  if (code != NVML_OK) {
    // Some drivers answer at once when they cannot wait (virtual machines, a lost GPU).
    long long rest = ms - (now_ms() - start);
    if (code != NVML_TIMEOUT && rest > 0) pause_ms(rest);
    return false;
  }
  for (unsigned i = 0; i < listed(d); i++) {
    if (d->gpus[i].handle != event.device || event.type != NVML_EVENT_XID) continue;
    d->gpus[i].xid_last = (unsigned)event.data;
    d->gpus[i].xid_count++;
  }
  return true;
}

/// Whether every GPU answers most calls as it does after the driver was exchanged.
static bool was_reloaded(const driver *d) {
  if (listed(d) == 0) return false;
  for (unsigned i = 0; i < listed(d); i++) {
    if (2 * d->gpus[i].stale_calls <= d->gpus[i].calls) return false;
  }
  return true;
}

static int print_line(cJSON *json) {
  char *text = json ? cJSON_PrintUnformatted(json) : NULL;
  int rc = text && puts(text) != EOF && fflush(stdout) != EOF ? 0 : -1;
  cJSON_free(text);
  cJSON_Delete(json);
  return rc;
}

int probe_gpus_stream(const char *library, const char *sysfs, const probe_pace *pace) {
  static driver d;
  open_driver(&d, library);
  if (!strcmp(d.status, "ok")) watch(&d);
  long long slow_at = 0, opened = now_ms();
  while (true) {
    long long start = now_ms();
    bool slow = slow_at == 0 || start >= slow_at;
    if (slow) slow_at = start + pace->slow_ms;
    stage_enter("read");
    if (print_line(document(&d, slow, sysfs)) != 0) return EXIT_FAILURE;
    bool nvidia = !strcmp(d.status, "ok");
    if (!nvidia && d.others == 0) return EXIT_SUCCESS;
    // A driver that may come later is looked for by the next process.
    if (!nvidia && slow && start > opened + pace->slow_ms) return EXIT_SUCCESS;
    if (was_reloaded(&d)) {
      (void)fprintf(stderr, "coxswain-probe: the driver was exchanged\n");
      return EXIT_RELOADED;
    }
    stage_enter("wait");
    // An XID is told at once; a storm of them must not become a storm of documents.
    if (wait_for_event(&d, start + pace->fast_ms - now_ms())) pause_ms(EVENT_PAUSE_MS);
  }
}
