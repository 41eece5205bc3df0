#include <errno.h>
#include <numaif.h>
#include <string.h>

#include "file.h"

/// Bits of a node mask that is long enough for every kernel configuration (MAX_NUMNODES is at most 1024).
#define NODE_MASK_BITS 1024

cox_value cox_memory_policy_settable(void) {
  unsigned long mask[NODE_MASK_BITS / (8 * sizeof(unsigned long))];
  int mode = 0;
  memset(mask, 0, sizeof mask);
  if (get_mempolicy(&mode, mask, NODE_MASK_BITS, NULL, 0) != 0) return cox_failure(errno);
  // The default and local policies take no nodes.
  bool nodes = false;
  for (size_t i = 0; i < sizeof mask / sizeof mask[0]; i++) nodes = nodes || mask[i] != 0;
  if (set_mempolicy(mode, nodes ? mask : NULL, nodes ? NODE_MASK_BITS : 0) != 0) return cox_failure(errno);
  return (cox_value){.value = 1, .status = COX_OK, .cause = 0};
}
