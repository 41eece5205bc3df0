/// Stands in for CUDA's driver library in tests: two GPUs whose copies go through memory. $CUDA_DOUBLE: "no-device"
/// makes it fail to start, "no-memory" refuses memory on the GPU.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int mode(const char *name) {
  const char *set = getenv("CUDA_DOUBLE");
  return set && !strcmp(set, name);
}

int cuInit(unsigned flags) { return mode("no-device") ? 100 : (int)flags; }

int cuDeviceGetCount(int *count) {
  *count = 2;
  return 0;
}

int cuDeviceGet(int *device, int index) {
  *device = index;
  return 0;
}

int cuDeviceGetPCIBusId(char *text, int length, int device) {
  (void)snprintf(text, (size_t)length, "0000:1%X:00.0", device == 0 ? 0 : 10);
  return 0;
}

int cuDevicePrimaryCtxRetain(void **context, int device) {
  *context = (char *)0 + device + 1;
  return 0;
}

int cuDevicePrimaryCtxRelease_v2(int device) { return device < 0; }

int cuCtxSetCurrent(void *context) { return context == NULL; }

int cuMemAllocHost_v2(void **memory, size_t bytes) {
  *memory = malloc(bytes);
  return *memory ? 0 : 2;
}

int cuMemFreeHost(void *memory) {
  free(memory);
  return 0;
}

int cuMemAlloc_v2(unsigned long long *memory, size_t bytes) {
  if (mode("no-memory")) return 2;
  *memory = (unsigned long long)malloc(bytes);
  return *memory ? 0 : 2;
}

int cuMemFree_v2(unsigned long long memory) {
  free((void *)memory);
  return 0;
}

int cuMemcpyHtoD_v2(unsigned long long to, const void *from, size_t bytes) {
  memcpy((void *)to, from, bytes);
  return 0;
}

int cuMemcpyDtoH_v2(void *to, unsigned long long from, size_t bytes) {
  memcpy(to, (void *)from, bytes);
  return 0;
}
