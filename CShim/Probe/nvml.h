/// Figures of NVIDIA GPUs, read from the driver's library if there is one.
#ifndef COXSWAIN_PROBE_NVML_H
#define COXSWAIN_PROBE_NVML_H

#include <cjson/cJSON.h>

/// Where the library is looked for by default, as the dynamic linker searches.
#define NVML_LIBRARY "libnvidia-ml.so.1"

/// The document of `--gpus`: every figure with its status, so that what this driver or this user does not get is said
/// and not zero. Drivers may hang in any call: whoever runs this supervises it. NULL if memory is short.
cJSON *probe_gpus_document(const char *library);

#endif
