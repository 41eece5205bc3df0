/// Stands in for the GPU driver's library in tests: eight GPUs that behave as $NVML_DOUBLE says, or as the file that
/// $NVML_DOUBLE_FILE names says at each call, so that a test can change the mood of a running process. Built with -DOLD
/// it lacks what came with later drivers.
///
/// Moods: normal, mig, no-driver, mismatch, denied, hang-init, hang-getter, lost (GPU 3), reset (GPU 3), xid (79 on
/// GPU 3, once), reloaded (every call says "version mismatch"), abort.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define GPUS 8
#define BAD_GPU 3
#define INSTANCE_BIT 32
/// Set beside it in the second instance of a GPU.
#define SECOND_BIT 64

static int mode(const char *name) {
  static char text[64];
  const char *path = getenv("NVML_DOUBLE_FILE"), *set = getenv("NVML_DOUBLE");
  FILE *file = path ? fopen(path, "r") : NULL;
  if (file) {
    text[fread(text, 1, sizeof text - 1, file)] = 0;
    text[strcspn(text, "\n")] = 0;
    (void)fclose(file);
    set = text;
  }
  return set && !strcmp(set, name);
}

static unsigned number(const void *gpu) {
  return ((unsigned)((const char *)gpu - (const char *)0) & (INSTANCE_BIT - 1)) - 1;
}

static int is_instance(const void *gpu) { return ((const char *)gpu - (const char *)0) & INSTANCE_BIT ? 1 : 0; }

static int answer(const void *gpu) {
  if (mode("hang-getter")) sleep(600);
  if (mode("abort")) abort();
  if (mode("denied")) return 4;
  if (mode("reloaded")) return 18;
  if (number(gpu) != BAD_GPU) return 0;
  return mode("lost") ? 15 : mode("reset") ? 16 : 0;
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
  int second = ((const char *)gpu - (const char *)0) & SECOND_BIT ? 1 : 0;
  (void)snprintf(text, length, "%s-000000%d%u", is_instance(gpu) ? "MIG" : "GPU", second, number(gpu));
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
  memory->total = is_instance(gpu) ? 10000 : 81000;
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

int nvmlDeviceGetMaxMigDeviceCount(void *gpu, unsigned *count) {
  *count = 7;
  return answer(gpu);
}

int nvmlDeviceGetMigDeviceHandleByIndex(void *gpu, unsigned index, void **instance) {
  if (index != 0 && index != 2) return 6;
  *instance = (char *)gpu + INSTANCE_BIT + (index == 2 ? SECOND_BIT : 0);
  return answer(gpu);
}

int nvmlDeviceGetRemappedRows(void *gpu, unsigned *corrected, unsigned *uncorrected, unsigned *pending, unsigned *failed) {
  *corrected = 2;
  *uncorrected = 1;
  *pending = number(gpu) == BAD_GPU;
  *failed = 0;
  return answer(gpu);
}

struct field {
  unsigned id, scope;
  long long timestamp, latency;
  unsigned type;
  int result;
  unsigned long long value;
};

int nvmlDeviceGetFieldValues(void *gpu, int count, struct field *fields) {
  for (int i = 0; i < count; i++) {
    fields[i].type = 3;
    fields[i].result = fields[i].id == 198 ? 3 : 0;
    fields[i].value = fields[i].id == 138 ? 7 : fields[i].id == 230 ? number(gpu) == BAD_GPU : 1000 + fields[i].id;
  }
  return answer(gpu);
}

int nvmlDeviceGetComputeRunningProcesses_v3(void *gpu, unsigned *count, void *room) {
  *count = 2;
  int code = answer(gpu);
  return code ? code : room ? 0 : 7;
}

int nvmlDeviceGetNvLinkState(void *gpu, unsigned link, unsigned *active) {
  *active = 1;
  return link < 4 ? answer(gpu) : 2;
}

int nvmlDeviceGetNvLinkVersion(void *gpu, unsigned link, unsigned *version) {
  *version = 4;
  return answer(gpu);
}

int nvmlDeviceGetNvLinkRemoteDeviceType(void *gpu, unsigned link, unsigned *type) {
  *type = 2;
  return answer(gpu);
}

/// GPUs 0 to 5 are on one fabric; 6 and 7 reach the others over PCIe only.
int nvmlDeviceGetP2PStatus(void *a, void *b, unsigned index, unsigned *status) {
  *status = index == 2 && (number(a) > 5 || number(b) > 5) ? 5 : 0;
  return answer(a);
}

int nvmlDeviceGetTopologyCommonAncestor(void *a, void *b, unsigned *level) {
  *level = 40;
  return answer(a);
}

int nvmlDeviceGetCpuAffinityWithinScope(void *gpu, unsigned words, unsigned long *set, unsigned scope) {
  set[0] = number(gpu) < 4 ? 0xffUL : 0xff00UL;
  return answer(gpu);
}

struct event {
  void *device;
  unsigned long long type, data;
  unsigned gpu_instance, compute_instance;
};

int nvmlEventSetCreate(void **set) {
  *set = (char *)0 + 1;
  return 0;
}

int nvmlDeviceRegisterEvents(void *gpu, unsigned long long types, void *set) { return types == 8 ? answer(gpu) : 2; }

int nvmlEventSetWait_v2(void *set, struct event *event, unsigned timeout_ms) {
  static int told;
  for (unsigned waited = 0; waited < timeout_ms; waited += 10) {
    if (mode("xid") && !told) {
      told = 1;
      *event = (struct event){(char *)0 + BAD_GPU + 1, 8, 79, 0, 0};
      return 0;
    }
    usleep(10000);
  }
  return 10;
}

int nvmlEventSetFree(void *set) { return 0; }

struct gpm_support {
  unsigned version, is_supported;
};

int nvmlGpmQueryDeviceSupport(void *gpu, struct gpm_support *support) {
  support->is_supported = number(gpu) != 1;
  return answer(gpu);
}

int nvmlGpmSampleAlloc(void **sample) {
  *sample = malloc(1);
  return *sample ? 0 : 999;
}

int nvmlGpmSampleGet(void *gpu, void *sample) { return answer(gpu); }

struct gpm_metric {
  unsigned id;
  int result;
  double value;
  char *names[3];
};

struct gpm_query {
  unsigned version, count;
  void *older, *newer;
  struct gpm_metric metrics[1];
};

int nvmlGpmMetricsGet(struct gpm_query *query) {
  if (query->version != 1 || query->older == query->newer || query->metrics[0].id != 3) return 2;
  query->metrics[0].result = 0;
  query->metrics[0].value = 62.5;
  return 0;
}
#endif
