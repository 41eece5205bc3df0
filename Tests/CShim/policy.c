/// Prints the CPUs and the memory policy that the kernel has for this process: "cpus 0,2", "mode 1 nodes 0".
#define _GNU_SOURCE
#include <sched.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#define NODES 1024
#define WORD_BITS (8 * sizeof(unsigned long))

int main(void) {
  cpu_set_t cpus;
  unsigned long nodes[NODES / WORD_BITS] = {0};
  int mode = -1;
  const char *comma = "";
  if (sched_getaffinity(0, sizeof cpus, &cpus) != 0) return 1;
  if (syscall(SYS_get_mempolicy, &mode, nodes, (unsigned long)NODES, NULL, 0UL) != 0) return 2;
  printf("cpus ");
  for (int i = 0; i < CPU_SETSIZE; i++) {
    if (!CPU_ISSET(i, &cpus)) continue;
    printf("%s%d", comma, i);
    comma = ",";
  }
  printf("\nmode %d nodes", mode);
  for (unsigned i = 0; i < NODES; i++) {
    if (nodes[i / WORD_BITS] >> (i % WORD_BITS) & 1) printf(" %u", i);
  }
  printf("\n");
  return 0;
}
