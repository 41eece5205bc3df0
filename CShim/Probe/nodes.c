#include "nodes.h"

#include <stdlib.h>
#include <string.h>

/// Kind by the name that the operating system or the file gives; NULL where it gives none.
static const char *named_kind(hwloc_obj_t node) {
  static const struct {
    const char *prefix;
    const char *kind;
  } names[] = {
    {"GPUMemory", "gpu"}, {"HBM", "hbm"}, {"MCDRAM", "hbm"}, {"CXL", "cxl"}, {"NVM", "nvm"}, {"DRAM", "dram"},
  };
  const char *subtype = node->subtype;
  for (size_t i = 0; subtype && i < sizeof names / sizeof names[0]; i++) {
    if (!strncmp(subtype, names[i].prefix, strlen(names[i].prefix))) return names[i].kind;
  }
  return NULL;
}

/// Whether CPUs may call it their own: ordinary memory, or with `hbm` set the kind that stands in for it.
static bool may_own(const probe_node *node, bool hbm) {
  const char *wanted = hbm ? "hbm" : "dram";
  return (!node->kind && !hbm) || (node->kind && !strcmp(node->kind, wanted));
}

/// The node that a CPU calls its own: the ordinary one with the smallest set of CPUs around it, then the lowest os
/// index, since firmware lists DRAM before the HBM, expander and GPU memory nodes that hang on the same CPUs.
static probe_node *owner_among(probe_nodes *nodes, unsigned cpu, bool hbm) {
  probe_node *best = NULL;
  int best_weight = 0;
  for (size_t i = 0; i < nodes->count; i++) {
    probe_node *node = &nodes->rows[i];
    if (!may_own(node, hbm) || !hwloc_bitmap_isset(node->object->cpuset, cpu)) continue;
    int weight = hwloc_bitmap_weight(node->object->cpuset);
    if (best && weight >= best_weight) continue;
    best = node;
    best_weight = weight;
  }
  return best;
}

/// Processors without DRAM run from their HBM.
static probe_node *owner_of(probe_nodes *nodes, unsigned cpu) {
  probe_node *owner = owner_among(nodes, cpu, false);
  return owner ? owner : owner_among(nodes, cpu, true);
}

static bool bandwidth_of(
    hwloc_topology_t topology, hwloc_obj_t node, hwloc_memattr_id_t attribute, hwloc_uint64_t *out) {
  struct hwloc_location initiator;
  initiator.type = HWLOC_LOCATION_TYPE_CPUSET;
  initiator.location.cpuset = node->cpuset;
  return hwloc_memattr_get_value(topology, attribute, node, &initiator, 0, out) == 0;
}

/// A node without CPUs of its own and without a name: faster than the DRAM around it is HBM, slower an expander.
static const char *guessed_kind(const probe_nodes *nodes, const probe_node *node, hwloc_topology_t topology) {
  hwloc_uint64_t own = 0, other = 0;
  if (!bandwidth_of(topology, node->object, HWLOC_MEMATTR_ID_BANDWIDTH, &own)) return "unknown";
  for (size_t i = 0; i < nodes->count; i++) {
    const probe_node *dram = &nodes->rows[i];
    if (hwloc_bitmap_iszero(dram->own_cpus)) continue;
    if (!hwloc_bitmap_intersects(dram->object->cpuset, node->object->cpuset)) continue;
    if (!bandwidth_of(topology, dram->object, HWLOC_MEMATTR_ID_BANDWIDTH, &other)) continue;
    return own > other ? "hbm" : own < other ? "cxl" : "unknown";
  }
  return "unknown";
}

static int by_os_index(const void *a, const void *b) {
  unsigned x = ((const probe_node *)a)->object->os_index, y = ((const probe_node *)b)->object->os_index;
  return (x > y) - (x < y);
}

bool probe_nodes_make(probe_nodes *nodes, hwloc_topology_t topology) {
  int count = hwloc_get_nbobjs_by_type(topology, HWLOC_OBJ_NUMANODE);
  nodes->count = 0;
  nodes->rows = calloc(count > 0 ? (size_t)count : 1, sizeof *nodes->rows);
  if (!nodes->rows) return false;
  for (int i = 0; i < count; i++) {
    hwloc_obj_t object = hwloc_get_obj_by_type(topology, HWLOC_OBJ_NUMANODE, (unsigned)i);
    probe_node *row = &nodes->rows[nodes->count];
    if (!object) continue;
    *row = (probe_node){.object = object, .kind = named_kind(object), .own_cpus = hwloc_bitmap_alloc()};
    if (!row->own_cpus) {
      probe_nodes_free(nodes);
      return false;
    }
    nodes->count++;
  }
  qsort(nodes->rows, nodes->count, sizeof *nodes->rows, by_os_index);
  hwloc_const_cpuset_t all = hwloc_topology_get_topology_cpuset(topology);
  unsigned cpu = 0;
  hwloc_bitmap_foreach_begin(cpu, all) {
    probe_node *owner = owner_of(nodes, cpu);
    // Short of memory a CPU has no owner, which placement treats as unknown.
    if (owner) (void)hwloc_bitmap_set(owner->own_cpus, cpu);
  }
  hwloc_bitmap_foreach_end();
  for (size_t i = 0; i < nodes->count; i++) {
    probe_node *node = &nodes->rows[i];
    if (node->kind) continue;
    node->kind = hwloc_bitmap_iszero(node->own_cpus) ? guessed_kind(nodes, node, topology) : "dram";
  }
  return true;
}

void probe_nodes_free(probe_nodes *nodes) {
  for (size_t i = 0; i < nodes->count; i++) hwloc_bitmap_free(nodes->rows[i].own_cpus);
  free(nodes->rows);
  *nodes = (probe_nodes){.count = 0, .rows = NULL};
}

cJSON *probe_list_json(hwloc_const_bitmap_t set) {
  char *text = NULL;
  if (hwloc_bitmap_list_asprintf(&text, set) < 0) return NULL;
  cJSON *json = cJSON_CreateString(text);
  free(text);
  return json;
}

/// The latency matrix that the firmware states (SLIT), if there is one. The caller releases it.
static struct hwloc_distances_s *slit(hwloc_topology_t topology) {
  struct hwloc_distances_s *found = NULL;
  unsigned count = 1;
  int rc = hwloc_distances_get_by_type(
      topology, HWLOC_OBJ_NUMANODE, &count, &found, HWLOC_DISTANCES_KIND_MEANS_LATENCY, 0);
  return rc == 0 && count > 0 ? found : NULL;
}

static int position(const struct hwloc_distances_s *matrix, hwloc_obj_t object) {
  for (unsigned i = 0; i < matrix->nbobjs; i++) {
    if (matrix->objs[i] == object) return (int)i;
  }
  return -1;
}

/// Distances from `node` to every node of the document, in its order; 0 where one is not stated.
static cJSON *distances_json(const probe_nodes *nodes, const struct hwloc_distances_s *matrix, hwloc_obj_t node) {
  cJSON *row = cJSON_CreateArray();
  int from = matrix ? position(matrix, node) : -1;
  for (size_t i = 0; matrix && i < nodes->count; i++) {
    int to = position(matrix, nodes->rows[i].object);
    double value = from < 0 || to < 0 ? 0 : (double)matrix->values[(unsigned)from * matrix->nbobjs + (unsigned)to];
    if (!cJSON_AddItemToArray(row, cJSON_CreateNumber(value))) break;
  }
  return row;
}

static void add_attribute(
    cJSON *json, const char *key, hwloc_topology_t topology, hwloc_obj_t node, hwloc_memattr_id_t id) {
  hwloc_uint64_t value = 0;
  if (bandwidth_of(topology, node, id, &value)) (void)cJSON_AddNumberToObject(json, key, (double)value);
}

cJSON *probe_nodes_json(const probe_nodes *nodes, hwloc_topology_t topology) {
  cJSON *array = cJSON_CreateArray();
  struct hwloc_distances_s *matrix = slit(topology);
  hwloc_const_nodeset_t allowed = hwloc_topology_get_allowed_nodeset(topology);
  for (size_t i = 0; i < nodes->count; i++) {
    const probe_node *node = &nodes->rows[i];
    cJSON *json = cJSON_CreateObject();
    if (!json || !cJSON_AddItemToArray(array, json)) break;
    (void)cJSON_AddNumberToObject(json, "os_index", node->object->os_index);
    (void)cJSON_AddStringToObject(json, "kind", node->kind);
    if (node->object->subtype) (void)cJSON_AddStringToObject(json, "subtype", node->object->subtype);
    (void)cJSON_AddNumberToObject(json, "memory_bytes", (double)node->object->attr->numanode.local_memory);
    (void)cJSON_AddItemToObject(json, "cpus", probe_list_json(node->own_cpus));
    (void)cJSON_AddItemToObject(json, "near_cpus", probe_list_json(node->object->cpuset));
    (void)cJSON_AddBoolToObject(json, "allowed", hwloc_bitmap_isset(allowed, node->object->os_index) != 0);
    (void)cJSON_AddItemToObject(json, "distances", distances_json(nodes, matrix, node->object));
    add_attribute(json, "bandwidth_mb_s", topology, node->object, HWLOC_MEMATTR_ID_BANDWIDTH);
    add_attribute(json, "latency_ns", topology, node->object, HWLOC_MEMATTR_ID_LATENCY);
  }
  if (matrix) hwloc_distances_release(topology, matrix);
  return array;
}
