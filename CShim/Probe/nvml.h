/// Figures of GPUs: NVIDIA's from the driver's library if there is one, others' from sysfs.
#ifndef COXSWAIN_PROBE_NVML_H
#define COXSWAIN_PROBE_NVML_H

#include <cjson/cJSON.h>

/// Where the library is looked for by default, as the dynamic linker searches.
#define NVML_LIBRARY "libnvidia-ml.so.1"

/// Time between two looks, in milliseconds.
typedef struct probe_pace {
  /// Memory, load, power, counters.
  long long fast_ms;
  /// What is dear or hardly changes: errors, links, processes, instances.
  long long slow_ms;
} probe_pace;

/// The document of `--gpus`: every figure with its status, so that what this driver or this user does not get is said
/// and not zero. Drivers may hang in any call: whoever runs this supervises it. NULL if memory is short.
cJSON *probe_gpus_document(const char *library, const char *sysfs);

/// The same document as one line per look until the process is ended; rare figures (`slow`, `pairs`) only in the lines
/// of the looks that read them. An XID brings a line at once. Returns an exit code: 0 where there is no driver to ask
/// (one line says so), 75 when the driver was exchanged.
int probe_gpus_stream(const char *library, const char *sysfs, const probe_pace *pace);

#endif
