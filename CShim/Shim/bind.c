#include <errno.h>
#include <numaif.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "cshim.h"

/// Largest kernel configuration that is tried; the kernel says EINVAL to a mask that is too short for it.
#define CPUS_MAX 65536
/// Bits of a node mask that is long enough for every kernel configuration (MAX_NUMNODES is at most 1024).
#define NODES_MAX 1024
#define WORD_BITS (8 * sizeof(unsigned long))

int64_t cox_cpus_of_thread(int32_t *cpus, size_t capacity) {
  cpu_set_t *set = CPU_ALLOC(CPUS_MAX);
  size_t bytes = CPU_ALLOC_SIZE(CPUS_MAX);
  int64_t count = 0;
  if (!set) return -1;
  memset(set, 0, bytes);
  if (sched_getaffinity(0, bytes, set) != 0) {
    CPU_FREE(set);
    return -1;
  }
  for (int32_t cpu = 0; cpu < CPUS_MAX; cpu++) {
    if (!CPU_ISSET_S((size_t)cpu, bytes, set)) continue;
    if ((size_t)count < capacity) cpus[count] = cpu;
    count++;
  }
  CPU_FREE(set);
  return count;
}

int cox_bind_cpus(const int32_t *cpus, size_t count) {
  cpu_set_t *set = CPU_ALLOC(CPUS_MAX);
  size_t bytes = CPU_ALLOC_SIZE(CPUS_MAX);
  if (!set) return ENOMEM;
  memset(set, 0, bytes);
  for (size_t i = 0; i < count; i++) {
    if (cpus[i] >= 0 && cpus[i] < CPUS_MAX) CPU_SET_S((size_t)cpus[i], bytes, set);
  }
  int cause = sched_setaffinity(0, bytes, set) == 0 ? 0 : errno;
  CPU_FREE(set);
  return cause;
}

int cox_set_memory_node(cox_memory_mode mode, int32_t node) {
  unsigned long mask[NODES_MAX / WORD_BITS];
  memset(mask, 0, sizeof mask);
  if (mode == COX_MEMORY_DEFAULT) return set_mempolicy(MPOL_DEFAULT, NULL, 0) == 0 ? 0 : errno;
  if (node < 0 || node >= NODES_MAX || mode == COX_MEMORY_OTHER) return EINVAL;
  mask[(size_t)node / WORD_BITS] = 1UL << ((size_t)node % WORD_BITS);
  int kernel_mode = mode == COX_MEMORY_BIND ? MPOL_BIND : MPOL_PREFERRED;
  return set_mempolicy(kernel_mode, mask, NODES_MAX) == 0 ? 0 : errno;
}

static cox_memory_mode mode_of(int kernel_mode) {
  switch (kernel_mode) {
    case MPOL_DEFAULT: return COX_MEMORY_DEFAULT;
    case MPOL_PREFERRED: return COX_MEMORY_PREFERRED;
    case MPOL_BIND: return COX_MEMORY_BIND;
    default: return COX_MEMORY_OTHER;
  }
}

int cox_memory_policy(cox_memory_mode *mode, int32_t *node) {
  unsigned long mask[NODES_MAX / WORD_BITS];
  int kernel_mode = 0;
  memset(mask, 0, sizeof mask);
  if (get_mempolicy(&kernel_mode, mask, NODES_MAX, NULL, 0) != 0) return errno;
  *mode = mode_of(kernel_mode);
  *node = -1;
  for (int32_t i = 0; i < NODES_MAX && *node < 0; i++) {
    if (mask[(size_t)i / WORD_BITS] >> ((size_t)i % WORD_BITS) & 1) *node = i;
  }
  return 0;
}
