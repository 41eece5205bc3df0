/// GPUs whose drivers show their figures as files: AMD (amdgpu) and Intel (xe, i915).
#ifndef COXSWAIN_PROBE_SYSFS_GPU_H
#define COXSWAIN_PROBE_SYSFS_GPU_H

#include <cjson/cJSON.h>

/// Adds a row for each such GPU below `root` ("/sys") to the array `gpus`, in the order of PCI addresses, numbered from
/// `index` on. Returns how many there are.
unsigned sysfs_gpus_add(cJSON *array, const char *root, unsigned index);

#endif
