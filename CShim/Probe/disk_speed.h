/// Bandwidth of the disk behind a folder.
#ifndef COXSWAIN_PROBE_DISK_SPEED_H
#define COXSWAIN_PROBE_DISK_SPEED_H

#include <cjson/cJSON.h>

/// Adds the object `disk`: path, write_mb_s and read_mb_s with their status, whether the page cache was bypassed, how
/// many bytes were written, and why nothing was measured.
void disk_speed_add(cJSON *json, const char *folder);

#endif
