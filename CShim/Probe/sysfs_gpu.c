#include "sysfs_gpu.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "gpu.h"

#define GPUS_MAX 64
#define PATH_BYTES 512
#define TEXT_BYTES 128

/// One card, with the last look at its energy counter.
typedef struct card {
  char path[PATH_BYTES];
  char bus_id[32];
  char hwmon[PATH_BYTES];
  const char *vendor;
  double energy_uj, energy_s;
} card;

typedef struct figure {
  nvml_result code;
  double value;
} figure;

static const figure none = {.code = NVML_UNSUPPORTED, .value = 0};

/// The status of a figure, in the library's numbers, for a file that could not be read.
static nvml_result code_of(int cause) {
  switch (cause) {
    case ENOENT:
    case EOPNOTSUPP:
    case ENOTDIR: return NVML_UNSUPPORTED;
    case EACCES:
    case EPERM: return NVML_NO_PERMISSION;
    default: return NVML_LOST;
  }
}

/// First line of a file. NVML_OK, or why there is none.
static nvml_result read_text(const char *folder, const char *name, char text[TEXT_BYTES]) {
  char path[PATH_BYTES + TEXT_BYTES];
  int length = snprintf(path, sizeof path, "%s/%s", folder, name);
  text[0] = 0;
  if (length < 0 || (size_t)length >= sizeof path) return NVML_UNSUPPORTED;
  int file = open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0) return code_of(errno);
  ssize_t count = read(file, text, TEXT_BYTES - 1);
  int cause = errno;
  // Only read from: a failing close loses nothing.
  (void)close(file);
  if (count < 0) return code_of(cause);
  text[count] = 0;
  text[strcspn(text, "\n")] = 0;
  return NVML_OK;
}

static figure read_number(const char *folder, const char *name) {
  char text[TEXT_BYTES], *end = NULL;
  nvml_result code = read_text(folder, name, text);
  if (code != NVML_OK) return (figure){.code = code, .value = 0};
  errno = 0;
  long long value = strtoll(text, &end, 0);
  if (end == text || *end || errno || value < 0) return (figure){.code = NVML_LOST, .value = 0};
  return (figure){.code = NVML_OK, .value = (double)value};
}

/// The first of the files that the driver offers.
static figure read_either(const char *folder, const char *first, const char *second) {
  figure value = read_number(folder, first);
  return value.code == NVML_UNSUPPORTED && second ? read_number(folder, second) : value;
}

static void add(cJSON *row, const char *key, figure value, double divisor) {
  gpu_add_leaf(row, key, value.code, cJSON_CreateNumber((double)(long long)(value.value / divisor)));
}

/// Like number -1 of "ls": a name that begins with `prefix` and ends in digits only.
static bool is_numbered(const char *name, const char *prefix) {
  size_t length = strlen(prefix);
  return !strncmp(name, prefix, length) && name[length] && strspn(name + length, "0123456789") == strlen(name + length);
}

/// The folder with sensors, if the driver has one.
static void find_hwmon(card *c) {
  char folder[PATH_BYTES];
  int length = snprintf(folder, sizeof folder, "%.480s/hwmon", c->path);
  DIR *directory = length > 0 && (size_t)length < sizeof folder ? opendir(folder) : NULL;
  struct dirent *entry;
  c->hwmon[0] = 0;
  while (directory && (entry = readdir(directory))) {
    if (!is_numbered(entry->d_name, "hwmon")) continue;
    (void)snprintf(c->hwmon, sizeof c->hwmon, "%.470s/%.32s", folder, entry->d_name);
    break;
  }
  if (directory) (void)closedir(directory);
}

/// "PCI_SLOT_NAME=0000:03:00.0" of the file uevent.
static bool read_bus_id(card *c) {
  static const char key[] = "PCI_SLOT_NAME=";
  char path[PATH_BYTES + 16], line[TEXT_BYTES];
  (void)snprintf(path, sizeof path, "%s/uevent", c->path);
  FILE *file = fopen(path, "re");
  bool found = false;
  while (file && !found && fgets(line, sizeof line, file)) {
    if (strncmp(line, key, sizeof key - 1) != 0) continue;
    line[strcspn(line, "\n")] = 0;
    (void)snprintf(c->bus_id, sizeof c->bus_id, "%.31s", line + sizeof key - 1);
    found = true;
  }
  if (file) (void)fclose(file);
  return found;
}

static bool open_card(card *c, const char *root, const char *name) {
  char text[TEXT_BYTES];
  int length = snprintf(c->path, sizeof c->path, "%.300s/class/drm/%.32s/device", root, name);
  if (length < 0 || (size_t)length >= sizeof c->path) return false;
  if (read_text(c->path, "vendor", text) != NVML_OK) return false;
  c->vendor = !strcmp(text, "0x1002") ? "amd" : !strcmp(text, "0x8086") ? "intel" : NULL;
  if (!c->vendor || !read_bus_id(c)) return false;
  find_hwmon(c);
  return true;
}

static int by_bus_id(const void *a, const void *b) {
  return strcmp(((const card *)a)->bus_id, ((const card *)b)->bus_id);
}

static unsigned find_cards(card *cards, const char *root) {
  char folder[PATH_BYTES];
  unsigned count = 0;
  (void)snprintf(folder, sizeof folder, "%.400s/class/drm", root);
  DIR *directory = opendir(folder);
  struct dirent *entry;
  while (directory && count < GPUS_MAX && (entry = readdir(directory))) {
    if (is_numbered(entry->d_name, "card") && open_card(&cards[count], root, entry->d_name)) count++;
  }
  if (directory) (void)closedir(directory);
  qsort(cards, count, sizeof *cards, by_bus_id);
  return count;
}

static double now_s(void) {
  struct timespec time = {0};
  // Cannot fail: the clock exists on every Linux and the pointer is valid.
  (void)clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/// Milliwatts: what the driver states, else what its energy counter rose by since the last look.
static figure power_of(card *c) {
  if (!c->hwmon[0]) return none;
  figure power = read_either(c->hwmon, "power1_average", "power1_input");
  if (power.code != NVML_UNSUPPORTED) return (figure){.code = power.code, .value = power.value / 1000};
  figure energy = read_number(c->hwmon, "energy1_input");
  if (energy.code != NVML_OK) return energy;
  double now = now_s(), passed = now - c->energy_s, joules = (energy.value - c->energy_uj) / 1e6;
  bool known = c->energy_s > 0 && passed > 0.01 && joules >= 0;
  c->energy_uj = energy.value;
  c->energy_s = now;
  return known ? (figure){.code = NVML_OK, .value = joules / passed * 1000} : none;
}

/// Uncorrected errors: "ue: 0" is the first line.
static figure errors_of(const card *c) {
  char text[TEXT_BYTES], *end = NULL;
  nvml_result code = read_text(c->path, "ras/umc_err_count", text);
  if (code != NVML_OK) return (figure){.code = code, .value = 0};
  if (strncmp(text, "ue:", 3) != 0) return (figure){.code = NVML_LOST, .value = 0};
  unsigned long long value = strtoull(text + 3, &end, 10);
  return end == text + 3 ? (figure){.code = NVML_LOST, .value = 0} : (figure){.code = NVML_OK, .value = (double)value};
}

static void add_memory(cJSON *row, const card *c) {
  bool amd = !strcmp(c->vendor, "amd");
  figure total = amd ? read_number(c->path, "mem_info_vram_total")
                     : read_either(c->path, "drm/lmem_total_bytes", "tile0/physical_vram_size_bytes");
  figure used = amd ? read_number(c->path, "mem_info_vram_used") : none;
  if (!amd) {
    figure left = read_number(c->path, "drm/lmem_avail_bytes");
    used = left.code == NVML_OK && total.code == NVML_OK && total.value >= left.value
             ? (figure){.code = NVML_OK, .value = total.value - left.value}
             : (figure){.code = left.code == NVML_OK ? NVML_UNSUPPORTED : left.code, .value = 0};
  }
  figure left = used.code != NVML_OK ? used : total;
  left.value = total.value > used.value ? total.value - used.value : 0;
  add(row, "memory_total_bytes", total, 1);
  add(row, "memory_used_bytes", used, 1);
  add(row, "memory_free_bytes", left, 1);
}

static void add_text(cJSON *row, const char *key, const card *c, const char *name) {
  char text[TEXT_BYTES];
  nvml_result code = read_text(c->path, name, text);
  gpu_add_leaf(row, key, code == NVML_OK && !text[0] ? NVML_UNSUPPORTED : code, cJSON_CreateString(text));
}

/// AMD's number as its runtimes write it (ROCR_VISIBLE_DEVICES).
static void add_uuid(cJSON *row, const card *c) {
  char text[TEXT_BYTES], uuid[TEXT_BYTES + 8];
  nvml_result code = read_text(c->path, "unique_id", text);
  (void)snprintf(uuid, sizeof uuid, "GPU-%s", text);
  gpu_add_leaf(row, "uuid", code == NVML_OK && !text[0] ? NVML_UNSUPPORTED : code, cJSON_CreateString(uuid));
}

static void add_card(cJSON *row, card *c) {
  figure percent = read_number(c->path, "gpu_busy_percent");
  gpu_add_leaf(row, "bus_id", NVML_OK, cJSON_CreateString(c->bus_id));
  gpu_add_leaf(row, "vendor", NVML_OK, cJSON_CreateString(c->vendor));
  add_uuid(row, c);
  add_text(row, "name", c, "product_name");
  add_memory(row, c);
  add(row, "utilization_percent", percent, 1);
  add(row, "memory_utilization_percent", read_number(c->path, "mem_busy_percent"), 1);
  add(row, "power_mw", power_of(c), 1);
  add(row, "power_limit_mw", c->hwmon[0] ? read_either(c->hwmon, "power1_cap", "power1_max") : none, 1000);
  add(row, "temperature_celsius", c->hwmon[0] ? read_number(c->hwmon, "temp1_input") : none, 1000);
  add(row, "ecc_uncorrected", errors_of(c), 1);
  // Reading pcie_bw takes a second: it is left out.
}

unsigned sysfs_gpus_add(cJSON *array, const char *root, unsigned index) {
  static card found[GPUS_MAX], known[GPUS_MAX];
  static unsigned known_count;
  unsigned count = find_cards(found, root);
  for (unsigned i = 0; i < count; i++) {
    for (unsigned k = 0; k < known_count; k++) {
      if (strcmp(found[i].bus_id, known[k].bus_id) != 0) continue;
      found[i].energy_uj = known[k].energy_uj;
      found[i].energy_s = known[k].energy_s;
    }
    cJSON *row = cJSON_CreateObject();
    if (!row || !cJSON_AddItemToArray(array, row)) break;
    (void)cJSON_AddNumberToObject(row, "index", index + i);
    (void)cJSON_AddStringToObject(row, "status", "ok");
    add_card(row, &found[i]);
  }
  memcpy(known, found, sizeof known);
  memset(found, 0, sizeof found);
  known_count = count;
  return count;
}
