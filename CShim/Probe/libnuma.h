/// What libnuma, with which engines bind themselves, makes of this machine and this process.
#ifndef COXSWAIN_PROBE_LIBNUMA_H
#define COXSWAIN_PROBE_LIBNUMA_H

#include <cjson/cJSON.h>

/// {"available"} and, where it is true, nodes and CPUs as lists. NULL for a lack of memory.
cJSON *probe_libnuma_json(void);

#endif
