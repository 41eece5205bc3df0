/// NUMA nodes: which kind of memory each is, and which node a CPU calls its own.
#ifndef COXSWAIN_PROBE_NODES_H
#define COXSWAIN_PROBE_NODES_H

#include <cjson/cJSON.h>
#include <hwloc.h>
#include <stdbool.h>

typedef struct probe_node {
  hwloc_obj_t object;
  /// dram, hbm, cxl, nvm, gpu or unknown.
  const char *kind;
  /// CPUs for which this is the nearest ordinary memory; empty for GPU memory, HBM beside DRAM, expanders.
  hwloc_bitmap_t own_cpus;
} probe_node;

typedef struct probe_nodes {
  size_t count;
  probe_node *rows;
} probe_nodes;

/// All nodes by ascending os index. False if memory is short.
bool probe_nodes_make(probe_nodes *nodes, hwloc_topology_t topology);
void probe_nodes_free(probe_nodes *nodes);

/// The array `numa_nodes` of the document.
cJSON *probe_nodes_json(const probe_nodes *nodes, hwloc_topology_t topology);

/// A bitmap as a list ("0-3,8"). NULL if memory is short.
cJSON *probe_list_json(hwloc_const_bitmap_t set);

#endif
