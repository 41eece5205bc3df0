#include "document.h"

#include <stdio.h>

#include "devices.h"
#include "libnuma.h"
#include "nodes.h"

static void add_info(cJSON *json, const char *key, hwloc_obj_t object, const char *name) {
  const char *value = object ? hwloc_obj_get_info_by_name(object, name) : NULL;
  if (value) (void)cJSON_AddStringToObject(json, key, value);
}

static cJSON *machine_json(hwloc_topology_t topology) {
  cJSON *json = cJSON_CreateObject();
  hwloc_obj_t root = hwloc_get_root_obj(topology);
  add_info(json, "hostname", root, "HostName");
  add_info(json, "architecture", root, "Architecture");
  add_info(json, "kernel", root, "OSRelease");
  (void)cJSON_AddNumberToObject(json, "memory_bytes", (double)root->total_memory);
  (void)cJSON_AddItemToObject(json, "cpus", probe_list_json(hwloc_topology_get_topology_cpuset(topology)));
  (void)cJSON_AddItemToObject(json, "allowed_cpus", probe_list_json(hwloc_topology_get_allowed_cpuset(topology)));
  (void)cJSON_AddItemToObject(json, "nodes", probe_list_json(hwloc_topology_get_topology_nodeset(topology)));
  (void)cJSON_AddItemToObject(json, "allowed_nodes", probe_list_json(hwloc_topology_get_allowed_nodeset(topology)));
  return json;
}

static cJSON *packages_json(hwloc_topology_t topology) {
  cJSON *array = cJSON_CreateArray();
  for (hwloc_obj_t package = NULL; (package = hwloc_get_next_obj_by_type(topology, HWLOC_OBJ_PACKAGE, package));) {
    cJSON *json = cJSON_CreateObject();
    int cores = hwloc_get_nbobjs_inside_cpuset_by_type(topology, package->cpuset, HWLOC_OBJ_CORE);
    if (!json || !cJSON_AddItemToArray(array, json)) break;
    (void)cJSON_AddNumberToObject(json, "index", package->logical_index);
    add_info(json, "model", package, "CPUModel");
    (void)cJSON_AddItemToObject(json, "cpus", probe_list_json(package->cpuset));
    (void)cJSON_AddNumberToObject(json, "cores", cores > 0 ? cores : 0);
    // Processors that are made of one die state none.
    int dies = hwloc_get_nbobjs_inside_cpuset_by_type(topology, package->cpuset, HWLOC_OBJ_DIE);
    (void)cJSON_AddNumberToObject(json, "dies", dies > 0 ? dies : 1);
  }
  return array;
}

static const char *cache_kind(hwloc_obj_cache_type_t type) {
  switch (type) {
    case HWLOC_OBJ_CACHE_DATA: return "data";
    case HWLOC_OBJ_CACHE_INSTRUCTION: return "instruction";
    default: return "unified";
  }
}

static cJSON *caches_json(hwloc_topology_t topology) {
  static const hwloc_obj_type_t types[] = {HWLOC_OBJ_L5CACHE, HWLOC_OBJ_L4CACHE, HWLOC_OBJ_L3CACHE, HWLOC_OBJ_L2CACHE,
                                           HWLOC_OBJ_L1CACHE, HWLOC_OBJ_L1ICACHE};
  cJSON *array = cJSON_CreateArray();
  for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
    for (hwloc_obj_t cache = NULL; (cache = hwloc_get_next_obj_by_type(topology, types[i], cache));) {
      cJSON *json = cJSON_CreateObject();
      if (!json || !cJSON_AddItemToArray(array, json)) return array;
      (void)cJSON_AddNumberToObject(json, "level", cache->attr->cache.depth);
      (void)cJSON_AddStringToObject(json, "kind", cache_kind(cache->attr->cache.type));
      (void)cJSON_AddNumberToObject(json, "size_bytes", (double)cache->attr->cache.size);
      (void)cJSON_AddNumberToObject(json, "line_bytes", cache->attr->cache.linesize);
      (void)cJSON_AddItemToObject(json, "cpus", probe_list_json(cache->cpuset));
    }
  }
  return array;
}

/// Each core with its hardware threads; a machine that states no cores has one per thread.
static cJSON *cores_json(hwloc_topology_t topology) {
  bool stated = hwloc_get_nbobjs_by_type(topology, HWLOC_OBJ_CORE) > 0;
  hwloc_obj_type_t type = stated ? HWLOC_OBJ_CORE : HWLOC_OBJ_PU;
  cJSON *array = cJSON_CreateArray();
  for (hwloc_obj_t core = NULL; (core = hwloc_get_next_obj_by_type(topology, type, core));) {
    hwloc_obj_t package = hwloc_get_ancestor_obj_by_type(topology, HWLOC_OBJ_PACKAGE, core);
    cJSON *json = cJSON_CreateObject();
    if (!json || !cJSON_AddItemToArray(array, json)) break;
    (void)cJSON_AddNumberToObject(json, "package", package ? package->logical_index : 0);
    (void)cJSON_AddItemToObject(json, "cpus", probe_list_json(core->cpuset));
  }
  return array;
}

cJSON *probe_document(hwloc_topology_t topology, const char *source) {
  probe_nodes nodes;
  char version[32];
  unsigned api = hwloc_get_api_version();
  cJSON *json = cJSON_CreateObject();
  if (!json || !probe_nodes_make(&nodes, topology)) {
    cJSON_Delete(json);
    return NULL;
  }
  (void)snprintf(version, sizeof version, "%u.%u.%u", api >> 16, (api >> 8) & 255, api & 255);
  (void)cJSON_AddNumberToObject(json, "version", PROBE_DOCUMENT_VERSION);
  (void)cJSON_AddStringToObject(json, "source", source);
  (void)cJSON_AddStringToObject(json, "hwloc", version);
  if (hwloc_topology_is_thissystem(topology)) (void)cJSON_AddItemToObject(json, "libnuma", probe_libnuma_json());
  // A key whose value could not be made (no memory) is missing, and the reader refuses the document.
  (void)cJSON_AddItemToObject(json, "machine", machine_json(topology));
  (void)cJSON_AddItemToObject(json, "packages", packages_json(topology));
  (void)cJSON_AddItemToObject(json, "numa_nodes", probe_nodes_json(&nodes, topology));
  (void)cJSON_AddItemToObject(json, "caches", caches_json(topology));
  (void)cJSON_AddItemToObject(json, "cores", cores_json(topology));
  (void)cJSON_AddItemToObject(json, "pci_devices", probe_devices_json(topology, &nodes));
  (void)cJSON_AddItemToObject(json, "links", probe_links_json(topology));
  probe_nodes_free(&nodes);
  return json;
}
