#include "devices.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define BUS_ID_BYTES 32

/// Display adapters of management controllers and hypervisors: class VGA, and nothing computes on them.
static bool is_plain_display(unsigned vendor) {
  static const unsigned vendors[] = {0x1a03, 0x102b, 0x1234, 0x1013, 0x15ad, 0x1af4, 0x1414, 0x80ee, 0x1b36, 0x5853};
  for (size_t i = 0; i < sizeof vendors / sizeof vendors[0]; i++) {
    if (vendors[i] == vendor) return true;
  }
  return false;
}

/// Kind by PCI class, so that a vendor nobody heard of is found too. NULL for devices of no interest.
static const char *kind_of(const struct hwloc_pcidev_attr_s *pci) {
  unsigned class = pci->class_id;
  switch (class) {
    case 0x0300: return is_plain_display(pci->vendor_id) ? NULL : "gpu";
    case 0x0302:
    case 0x0380:
    case 0x1200: return "gpu";
    case 0x0108: return "nvme";
    case 0x0680: return pci->vendor_id == 0x10de ? "nvswitch" : NULL;
    default: return class >> 8 == 0x02 ? "nic" : NULL;
  }
}

static void bus_id(char out[BUS_ID_BYTES], const struct hwloc_pcidev_attr_s *pci) {
  (void)snprintf(out, BUS_ID_BYTES, "%04x:%02x:%02x.%x", pci->domain, pci->bus, pci->dev, pci->func);
}

static void add_hex(cJSON *json, const char *key, unsigned value) {
  char text[16];
  (void)snprintf(text, sizeof text, "%04x", value);
  (void)cJSON_AddStringToObject(json, key, text);
}

/// Bridges from the device up to the host bridge: two devices below one PCIe switch share all but the first ones.
static cJSON *bridges_json(hwloc_obj_t device) {
  cJSON *array = cJSON_CreateArray();
  for (hwloc_obj_t at = device->parent; at && at->type == HWLOC_OBJ_BRIDGE; at = at->parent) {
    char text[BUS_ID_BYTES];
    const struct hwloc_bridge_attr_s *bridge = &at->attr->bridge;
    if (bridge->upstream_type == HWLOC_OBJ_BRIDGE_PCI) {
      bus_id(text, &bridge->upstream.pci);
    } else {
      (void)snprintf(text, sizeof text, "host:%04x:%02x", bridge->downstream.pci.domain,
                     bridge->downstream.pci.secondary_bus);
    }
    if (!cJSON_AddItemToArray(array, cJSON_CreateString(text))) break;
  }
  return array;
}

/// Names that the operating system gave the device ("nvme0n1", "eth0", "mlx5_0").
static cJSON *names_json(hwloc_obj_t device) {
  cJSON *array = cJSON_CreateArray();
  for (hwloc_obj_t child = device->io_first_child; child; child = child->next_sibling) {
    if (child->type != HWLOC_OBJ_OS_DEVICE || !child->name) continue;
    if (!cJSON_AddItemToArray(array, cJSON_CreateString(child->name))) break;
  }
  return array;
}

/// What the operating system knows to be near the device. Firmware that states nothing leaves it at the root: on a
/// machine with more than one node that is "unknown", never "node 0".
static void add_locality(cJSON *json, hwloc_topology_t topology, const probe_nodes *nodes, hwloc_obj_t device) {
  hwloc_obj_t near = hwloc_get_non_io_ancestor_obj(topology, device);
  cJSON *list = cJSON_AddArrayToObject(json, "numa_nodes");
  size_t with_cpus = 0, hits = 0;
  for (size_t i = 0; near && i < nodes->count; i++) {
    const probe_node *node = &nodes->rows[i];
    if (hwloc_bitmap_iszero(node->own_cpus)) continue;
    with_cpus++;
    if (!hwloc_bitmap_intersects(node->own_cpus, near->cpuset)) continue;
    hits++;
    (void)cJSON_AddItemToArray(list, cJSON_CreateNumber(node->object->os_index));
  }
  bool known = hits > 0 && (hits < with_cpus || with_cpus == 1);
  (void)cJSON_AddStringToObject(json, "locality", known ? "known" : "unknown");
  if (near) (void)cJSON_AddItemToObject(json, "cpus", probe_list_json(near->cpuset));
}

static void add_info(cJSON *json, const char *key, hwloc_obj_t object, const char *name) {
  const char *value = hwloc_obj_get_info_by_name(object, name);
  if (value) (void)cJSON_AddStringToObject(json, key, value);
}

/// The UUID as NVIDIA's kernel driver states it below /proc, which asks no library and cannot hang.
static void add_uuid(cJSON *json, const char *id) {
  static const char key[] = "GPU UUID:";
  char path[96], line[160];
  (void)snprintf(path, sizeof path, "/proc/driver/nvidia/gpus/%s/information", id);
  FILE *file = fopen(path, "re");
  if (!file) return;
  while (fgets(line, sizeof line, file)) {
    if (strncmp(line, key, sizeof key - 1) != 0) continue;
    const char *uuid = line + sizeof key - 1;
    uuid += strspn(uuid, " \t");
    line[strcspn(line, "\n")] = 0;
    // Without permission the driver writes question marks.
    if (!strncmp(uuid, "GPU-", 4) && !strchr(uuid, '?')) (void)cJSON_AddStringToObject(json, "uuid", uuid);
    break;
  }
  // Only read from: a failing close loses nothing.
  (void)fclose(file);
}

/// The number that AMD's driver states, as its runtimes write it.
static void add_unique_id(cJSON *json, const char *id) {
  char path[96], line[64] = "", text[72];
  (void)snprintf(path, sizeof path, "/sys/bus/pci/devices/%s/unique_id", id);
  FILE *file = fopen(path, "re");
  if (!file) return;
  if (fgets(line, sizeof line, file)) {
    line[strcspn(line, "\n")] = 0;
    (void)snprintf(text, sizeof text, "GPU-%s", line);
    if (line[0]) (void)cJSON_AddStringToObject(json, "uuid", text);
  }
  // Only read from: a failing close loses nothing.
  (void)fclose(file);
}

cJSON *probe_devices_json(hwloc_topology_t topology, const probe_nodes *nodes) {
  cJSON *array = cJSON_CreateArray();
  for (hwloc_obj_t device = NULL; (device = hwloc_get_next_pcidev(topology, device));) {
    char id[BUS_ID_BYTES];
    const struct hwloc_pcidev_attr_s *pci = &device->attr->pcidev;
    const char *kind = kind_of(pci);
    if (!kind) continue;
    cJSON *json = cJSON_CreateObject();
    if (!json || !cJSON_AddItemToArray(array, json)) break;
    bus_id(id, pci);
    (void)cJSON_AddStringToObject(json, "bus_id", id);
    (void)cJSON_AddStringToObject(json, "kind", kind);
    add_hex(json, "class", pci->class_id);
    add_hex(json, "vendor_id", pci->vendor_id);
    add_hex(json, "device_id", pci->device_id);
    bool here = hwloc_topology_is_thissystem(topology) && !strcmp(kind, "gpu");
    if (here && pci->vendor_id == 0x10de) add_uuid(json, id);
    if (here && pci->vendor_id == 0x1002) add_unique_id(json, id);
    add_info(json, "vendor", device, "PCIVendor");
    add_info(json, "model", device, "PCIDevice");
    if (pci->linkspeed > 0) (void)cJSON_AddNumberToObject(json, "link_mb_s", (double)(int)(pci->linkspeed * 1000));
    (void)cJSON_AddItemToObject(json, "names", names_json(device));
    add_locality(json, topology, nodes, device);
    (void)cJSON_AddItemToObject(json, "bridges", bridges_json(device));
  }
  return array;
}

/// The PCI device behind an object of a distance matrix; NULL for CPUs and memory.
static hwloc_obj_t pci_of(hwloc_obj_t object) {
  while (object && object->type == HWLOC_OBJ_OS_DEVICE) object = object->parent;
  return object && object->type == HWLOC_OBJ_PCI_DEVICE ? object : NULL;
}

static void add_links(cJSON *array, const struct hwloc_distances_s *matrix, const char *kind) {
  for (unsigned a = 0; a < matrix->nbobjs; a++) {
    for (unsigned b = a + 1; b < matrix->nbobjs; b++) {
      char id[BUS_ID_BYTES];
      hwloc_obj_t x = matrix->objs[a] ? pci_of(matrix->objs[a]) : NULL;
      hwloc_obj_t y = matrix->objs[b] ? pci_of(matrix->objs[b]) : NULL;
      hwloc_uint64_t value = matrix->values[a * matrix->nbobjs + b];
      if (!x || !y || x == y || value == 0) continue;
      const char *kind_x = kind_of(&x->attr->pcidev), *kind_y = kind_of(&y->attr->pcidev);
      if (!kind_x || !kind_y || strcmp(kind_x, "gpu") || strcmp(kind_y, "gpu")) continue;
      cJSON *json = cJSON_CreateObject();
      if (!json || !cJSON_AddItemToArray(array, json)) return;
      (void)cJSON_AddStringToObject(json, "kind", kind);
      bus_id(id, &x->attr->pcidev);
      (void)cJSON_AddStringToObject(json, "a", id);
      bus_id(id, &y->attr->pcidev);
      (void)cJSON_AddStringToObject(json, "b", id);
      (void)cJSON_AddNumberToObject(json, "bandwidth_mb_s", (double)value);
    }
  }
}

cJSON *probe_links_json(hwloc_topology_t topology) {
  static const struct {
    const char *name;
    const char *kind;
  } matrices[] = {{"NVLinkBandwidth", "nvlink"}, {"XGMIBandwidth", "xgmi"}};
  cJSON *array = cJSON_CreateArray();
  for (size_t i = 0; i < sizeof matrices / sizeof matrices[0]; i++) {
    struct hwloc_distances_s *matrix = NULL;
    unsigned count = 1;
    if (hwloc_distances_get_by_name(topology, matrices[i].name, &count, &matrix, 0) != 0 || count == 0) continue;
    // GPUs behind switches have no direct link: join the ports of the switches, then close over them. Without
    // switches the closure would turn a right matrix into zeros.
    if (hwloc_distances_transform(topology, matrix, HWLOC_DISTANCES_TRANSFORM_MERGE_SWITCH_PORTS, NULL, 0) == 0) {
      (void)hwloc_distances_transform(topology, matrix, HWLOC_DISTANCES_TRANSFORM_TRANSITIVE_CLOSURE, NULL, 0);
    }
    add_links(array, matrix, matrices[i].kind);
    hwloc_distances_release(topology, matrix);
  }
  return array;
}
