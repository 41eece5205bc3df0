/// PCI devices that matter to a model server, and the links between GPUs.
#ifndef COXSWAIN_PROBE_DEVICES_H
#define COXSWAIN_PROBE_DEVICES_H

#include "nodes.h"

/// The array `pci_devices`: GPUs, NICs, NVMe disks and NVSwitches with what is near them.
cJSON *probe_devices_json(hwloc_topology_t topology, const probe_nodes *nodes);

/// The array `links`: bandwidth between pairs of GPUs (NVLink, XGMI), as far as the topology states it.
cJSON *probe_links_json(hwloc_topology_t topology);

#endif
