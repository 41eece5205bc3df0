#include "libnuma.h"

#include <hwloc.h>
#include <numa.h>
#include <stdbool.h>
#include <stdlib.h>

/// A mask of libnuma's as a list; takes it. NULL masks, for a lack of memory, add nothing.
static void add_mask(cJSON *json, const char *key, struct bitmask *mask) {
  hwloc_bitmap_t set = mask ? hwloc_bitmap_alloc() : NULL;
  char *text = NULL;
  for (unsigned i = 0; set && i < numa_bitmask_nbytes(mask) * 8; i++) {
    if (numa_bitmask_isbitset(mask, i) && hwloc_bitmap_set(set, i) != 0) break;
  }
  if (set && hwloc_bitmap_list_asprintf(&text, set) >= 0) (void)cJSON_AddStringToObject(json, key, text);
  free(text);
  hwloc_bitmap_free(set);
  if (mask) numa_bitmask_free(mask);
}

cJSON *probe_libnuma_json(void) {
  cJSON *json = cJSON_CreateObject();
  bool available = numa_available() != -1;
  (void)cJSON_AddBoolToObject(json, "available", available);
  // Without the kernel's system calls everything else is undefined.
  if (!json || !available) return json;
  (void)cJSON_AddNumberToObject(json, "max_node", numa_max_node());
  (void)cJSON_AddNumberToObject(json, "configured_nodes", numa_num_configured_nodes());
  (void)cJSON_AddNumberToObject(json, "configured_cpus", numa_num_configured_cpus());
  add_mask(json, "allowed_nodes", numa_get_mems_allowed());
  add_mask(json, "run_nodes", numa_get_run_node_mask());
  add_mask(json, "memory_nodes", numa_get_membind());
  return json;
}
