/// Stands in for the GPU driver's library in tests: eight GPUs that behave as $NVML_DOUBLE says. Built with -DOLD it
/// lacks what came with later drivers.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define GPUS 8
#define LOST_GPU 3

static int mode(const char *name) {
  const char *set = getenv("NVML_DOUBLE");
  return set && !strcmp(set, name);
}

static unsigned number(const void *gpu) { return (unsigned)((const char *)gpu - (const char *)0) - 1; }

static int answer(const void *gpu) {
  if (mode("hang-getter")) sleep(600);
  if (mode("denied")) return 4;
  return mode("lost") && number(gpu) == LOST_GPU ? 15 : 0;
}

int nvmlInit_v2(void) {
  if (mode("hang-init")) sleep(600);
  if (mode("mismatch")) return 18;
  return mode("no-driver") ? 9 : 0;
}

int nvmlShutdown(void) { return 0; }

const char *nvmlErrorString(int code) { return code == 18 ? "Driver/library version mismatch" : "Driver Not Loaded"; }

int nvmlSystemGetDriverVersion(char *text, unsigned length) {
  (void)snprintf(text, length, "550.1");
  return 0;
}

int nvmlDeviceGetCount_v2(unsigned *count) {
  *count = GPUS;
  return 0;
}

int nvmlDeviceGetHandleByIndex_v2(unsigned index, void **gpu) {
  *gpu = (char *)0 + index + 1;
  return 0;
}

int nvmlDeviceGetUUID(void *gpu, char *text, unsigned length) {
  (void)snprintf(text, length, "GPU-0000000%u", number(gpu));
  return answer(gpu);
}

int nvmlDeviceGetName(void *gpu, char *text, unsigned length) {
  (void)snprintf(text, length, "Double %u", number(gpu));
  return answer(gpu);
}

struct pci_info {
  char legacy_id[16];
  unsigned domain, bus, device, ids, subsystem_ids;
  char id[32];
};

int nvmlDeviceGetPciInfo_v3(void *gpu, struct pci_info *pci) {
  memset(pci, 0, sizeof *pci);
  pci->bus = 0x10 + number(gpu);
  return answer(gpu);
}

int nvmlDeviceGetMemoryInfo(void *gpu, unsigned long long *total_free_used) {
  total_free_used[0] = 80000;
  total_free_used[1] = 60000;
  total_free_used[2] = 20000;
  return answer(gpu);
}

int nvmlDeviceGetUtilizationRates(void *gpu, unsigned *gpu_memory) {
  gpu_memory[0] = 70 + number(gpu);
  gpu_memory[1] = 5;
  // Not offered where a GPU is divided.
  return mode("mig") ? 3 : answer(gpu);
}

#ifndef OLD
struct memory_v2 {
  unsigned version;
  unsigned long long total, reserved, free, used;
};

int nvmlDeviceGetMemoryInfo_v2(void *gpu, struct memory_v2 *memory) {
  if (memory->version != 0x2000028) return 25;
  memory->total = 81000;
  memory->reserved = 1000;
  memory->free = 60000;
  memory->used = 20000;
  return answer(gpu);
}

int nvmlDeviceGetPowerUsage(void *gpu, unsigned *milliwatts) {
  *milliwatts = 350000;
  return answer(gpu);
}

int nvmlDeviceGetMigMode(void *gpu, unsigned *current, unsigned *pending) {
  *current = *pending = (unsigned)mode("mig");
  return answer(gpu);
}
#endif
