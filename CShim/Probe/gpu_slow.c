#include <hwloc.h>
#include <stdio.h>
#include <string.h>

#include "gpu_leaf.h"

#define LINKS_MAX 18
#define INSTANCES_MAX 16
#define AFFINITY_WORDS 64
#define FIELD_RECOVERY_ACTION 230

/// What the library calls the other end of an NVLink.
enum { REMOTE_SWITCH = 2 };
/// Capabilities of a pair.
enum { P2P_READ = 0, P2P_NVLINK = 2 };

/// Megabytes per second in one direction of one link, by the generation of NVLink.
static unsigned link_mb_s(unsigned version) {
  static const unsigned speeds[] = {0, 20000, 25000, 25000, 25000, 50000};
  return version < sizeof speeds / sizeof speeds[0] ? speeds[version] : speeds[5];
}

typedef struct link_summary {
  nvml_result code;
  unsigned active, switched, mb_s;
} link_summary;

static link_summary links_of(const nvml_api *api, gpu *g) {
  link_summary sum = {.code = api->link_state ? NVML_UNSUPPORTED : NVML_NO_FUNCTION};
  for (unsigned i = 0; api->link_state && i < LINKS_MAX; i++) {
    unsigned active = 0, version = 0, remote = 0;
    nvml_result code = api->link_state(g->handle, i, &active);
    if (i == 0) (void)gpu_note(g, code);
    // A GPU has fewer links than the most that exist.
    if (code != NVML_OK && sum.code != NVML_OK) sum.code = code;
    if (code != NVML_OK) continue;
    sum.code = NVML_OK;
    if (!active) continue;
    sum.active++;
    if (api->link_version && api->link_version(g->handle, i, &version) == NVML_OK) sum.mb_s += link_mb_s(version);
    if (api->link_remote_type && api->link_remote_type(g->handle, i, &remote) == NVML_OK) {
      sum.switched += remote == REMOTE_SWITCH;
    }
  }
  // "Invalid argument" for the very first link: there are none.
  if (sum.code == 2) sum.code = NVML_UNSUPPORTED;
  return sum;
}

static void add_errors(cJSON *json, const nvml_api *api, gpu *g) {
  unsigned long long errors = 0;
  unsigned corrected = 0, uncorrected = 0, pending = 0, failed = 0;
  nvml_field action = {.id = FIELD_RECOVERY_ACTION};
  // Uncorrected errors since the GPU was made.
  nvml_result code = gpu_note(g, api->ecc ? api->ecc(g->handle, 1, 1, &errors) : NVML_NO_FUNCTION);
  gpu_add_number(json, "ecc_uncorrected", code, (double)errors);
  code = api->remapped_rows ? api->remapped_rows(g->handle, &corrected, &uncorrected, &pending, &failed)
                            : NVML_NO_FUNCTION;
  (void)gpu_note(g, code);
  gpu_add_number(json, "remapped_rows_corrected", code, corrected);
  gpu_add_number(json, "remapped_rows_uncorrected", code, uncorrected);
  gpu_add_leaf(json, "remapped_rows_pending", code, cJSON_CreateBool(pending != 0));
  gpu_add_leaf(json, "remapped_rows_failed", code, cJSON_CreateBool(failed != 0));
  code = gpu_note(g, api->fields ? api->fields(g->handle, 1, &action) : NVML_NO_FUNCTION);
  if (code == NVML_OK) code = action.result;
  gpu_add_number(json, "recovery_action", code, action.value.u32);
}

static void add_connections(cJSON *json, const nvml_api *api, gpu *g) {
  unsigned count = 0;
  // Asking with no room costs little and says how many there are.
  nvml_result code = api->processes ? api->processes(g->handle, &count, NULL) : NVML_NO_FUNCTION;
  if (code == NVML_SMALL_BUFFER) code = NVML_OK;
  gpu_add_number(json, "compute_processes", gpu_note(g, code), count);
  gpu_add_unsigned(json, "pcie_generation", api->pcie_generation, g);
  gpu_add_unsigned(json, "pcie_width", api->pcie_width, g);
  link_summary links = links_of(api, g);
  gpu_add_number(json, "nvlinks_active", links.code, links.active);
  gpu_add_number(json, "nvlink_mb_s", links.code, links.mb_s);
  unsigned long words[AFFINITY_WORDS] = {0};
  code = gpu_note(g, api->cpu_affinity ? api->cpu_affinity(g->handle, AFFINITY_WORDS, words, 0) : NVML_NO_FUNCTION);
  hwloc_bitmap_t cpus = hwloc_bitmap_alloc();
  char *text = NULL;
  int rc = cpus ? hwloc_bitmap_from_ulongs(cpus, AFFINITY_WORDS, words) : -1;
  if (rc == 0 && hwloc_bitmap_list_asprintf(&text, cpus) < 0) text = NULL;
  gpu_add_leaf(json, "cpu_affinity", code, cJSON_CreateString(text ? text : ""));
  free(text);
  hwloc_bitmap_free(cpus);
  gpu_add_unsigned(json, "memory_numa_node", api->numa_node, g);
}

static void add_instances(cJSON *json, const nvml_api *api, gpu *g) {
  unsigned on = 0, pending = 0, most = 0;
  nvml_result code = gpu_note(g, api->mig ? api->mig(g->handle, &on, &pending) : NVML_NO_FUNCTION);
  gpu_add_leaf(json, "mig", code, cJSON_CreateBool(on != 0));
  cJSON *array = cJSON_AddArrayToObject(json, "instances");
  if (code != NVML_OK || !on || !api->mig_max || !api->mig_by_index) return;
  if (gpu_note(g, api->mig_max(g->handle, &most)) != NVML_OK) return;
  for (unsigned i = 0; i < most && i < INSTANCES_MAX; i++) {
    nvml_device instance = NULL;
    // A place without an instance is "not found".
    if (api->mig_by_index(g->handle, i, &instance) != NVML_OK) continue;
    cJSON *row = cJSON_CreateObject();
    if (!row || !cJSON_AddItemToArray(array, row)) return;
    gpu_add_text(row, "uuid", api->uuid, g, instance);
    gpu_add_memory(row, api, g, instance);
  }
}

void gpu_add_slow(cJSON *json, const nvml_api *api, gpu *g) {
  gpu_add_unsigned(json, "power_limit_mw", api->power_limit, g);
  add_errors(json, api, g);
  add_connections(json, api, g);
  add_instances(json, api, g);
}

static const char *p2p_word(unsigned status) {
  static const char *const words[] = {"ok", "chipset", "gpu", "topology", "disabled", "unsupported"};
  return status < sizeof words / sizeof words[0] ? words[status] : "unknown";
}

void gpu_add_pair(cJSON *array, const nvml_api *api, gpu *a, gpu *b) {
  char id_a[32], id_b[32];
  unsigned read = 0, linked = 1, ancestor = 0;
  if (gpu_bus_id(id_a, sizeof id_a, api, a) != NVML_OK || gpu_bus_id(id_b, sizeof id_b, api, b) != NVML_OK) return;
  cJSON *row = cJSON_CreateObject();
  if (!row || !cJSON_AddItemToArray(array, row)) return;
  (void)cJSON_AddStringToObject(row, "a", id_a);
  (void)cJSON_AddStringToObject(row, "b", id_b);
  nvml_result code = api->p2p ? api->p2p(a->handle, b->handle, P2P_READ, &read) : NVML_NO_FUNCTION;
  gpu_add_leaf(row, "p2p", code, cJSON_CreateString(p2p_word(read)));
  code = api->common_ancestor ? api->common_ancestor(a->handle, b->handle, &ancestor) : NVML_NO_FUNCTION;
  gpu_add_number(row, "ancestor", code, ancestor);
  code = api->p2p ? api->p2p(a->handle, b->handle, P2P_NVLINK, &linked) : NVML_NO_FUNCTION;
  bool by_link = code == NVML_OK && linked == 0;
  link_summary from = by_link ? links_of(api, a) : (link_summary){.code = NVML_UNSUPPORTED};
  const char *link = !by_link ? "none" : from.switched > 0 ? "nvswitch" : "nvlink";
  gpu_add_leaf(row, "link", code, cJSON_CreateString(link));
  // Through switches all links serve any pair; without, the library does not say how they are divided.
  bool known = by_link && from.switched > 0 && from.mb_s > 0;
  gpu_add_number(row, "bandwidth_mb_s", known ? NVML_OK : NVML_UNSUPPORTED, from.mb_s);
}
