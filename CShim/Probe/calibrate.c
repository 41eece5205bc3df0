#include "calibrate.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "copy_speed.h"
#include "disk_speed.h"
#include "stage.h"

#define CALIBRATION_DOCUMENT_VERSION 1

cJSON *probe_calibration(const calibration *what) {
  cJSON *json = cJSON_CreateObject();
  (void)cJSON_AddNumberToObject(json, "version", CALIBRATION_DOCUMENT_VERSION);
  (void)cJSON_AddNumberToObject(json, "measured_at_s", (double)time(NULL));
  copy_speeds_add(json, what->cuda, what->nvml, what->force);
  stage_enter("disk");
  if (what->disk) disk_speed_add(json, what->disk);
  return json;
}

static int write_all(int file, const char *text, size_t length) {
  while (length > 0) {
    ssize_t count = write(file, text, length);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return errno;
    text += count;
    length -= (size_t)count;
  }
  return fsync(file) == 0 ? 0 : errno;
}

int probe_store(const cJSON *json, const char *path) {
  char next[1024];
  char *text = cJSON_Print(json);
  if (!text) return ENOMEM;
  int length = snprintf(next, sizeof next, "%s.%ld", path, (long)getpid());
  int cause = length > 0 && (size_t)length < sizeof next ? 0 : ENAMETOOLONG;
  int file = cause ? -1 : open(next, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
  if (!cause && file < 0) cause = errno;
  if (file >= 0) {
    cause = write_all(file, text, strlen(text));
    if (close(file) != 0 && !cause) cause = errno;
    if (!cause && rename(next, path) != 0) cause = errno;
    if (cause) (void)unlink(next);
  }
  cJSON_free(text);
  return cause;
}
