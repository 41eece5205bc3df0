/// Opens a collector over two roots, looks twice and prints every figure: the sanitizers watch.
#include <cshim.h>
#include <stdio.h>

static void show(const char *name, cox_value v) {
  printf("%s %d %d %lld\n", name, (int)v.status, (int)v.cause, (long long)v.value);
}

static void show_text(const char *name, cox_text t) {
  printf("%s %d %d [%s]\n", name, (int)t.status, (int)t.cause, t.text);
}

static void show_line(const char *name, cox_psi_line line) {
  show(name, line.avg10_centipercent);
  show(name, line.avg60_centipercent);
  show(name, line.avg300_centipercent);
  show(name, line.total_us);
}

static void show_memory(const cox_collector *c) {
  cox_meminfo m = cox_meminfo_at(c);
  show("total", m.total_bytes);
  show("free", m.free_bytes);
  show("available", m.available_bytes);
  show("inactive_file", m.inactive_file_bytes);
  show("shmem", m.shmem_bytes);
  show("mlocked", m.mlocked_bytes);
  show("swap_total", m.swap_total_bytes);
  show("swap_free", m.swap_free_bytes);
}

static void show_nodes(const cox_collector *c) {
  size_t count = cox_node_count(c);
  // One too far on purpose: it must answer, not crash.
  for (size_t i = 0; i <= count; i++) {
    cox_node node = cox_node_at(c, i);
    printf("node %d\n", (int)node.os_index);
    show("total", node.total_bytes);
    show("free", node.free_bytes);
    show("inactive_file", node.inactive_file_bytes);
    show_text("cpus", cox_node_cpus_at(c, i));
    for (size_t k = 0; k <= count; k++) show("distance", cox_distance_at(c, i, k));
  }
}

static void show_cgroup(const cox_collector *c) {
  printf("cgroup %d hybrid %d\n", (int)cox_cgroup_memory_version(c), (int)cox_cgroup_hybrid(c));
  show("hidden_limit", cox_cgroup_hidden_limit(c));
  for (size_t i = 0; i <= cox_cgroup_level_count(c); i++) {
    cox_cgroup_level level = cox_cgroup_level_at(c, i);
    show_text("path", cox_cgroup_path_at(c, i));
    show(level.limited ? "limit" : "unlimited", level.limit_bytes);
    show("high", level.high_bytes);
    show("usage", level.usage_bytes);
    show("inactive_file", level.inactive_file_bytes);
    show("swap", level.swap_usage_bytes);
  }
}

int main(int argc, char **argv) {
  if (argc != 3) return 64;
  cox_collector *c = cox_open(argv[1], argv[2]);
  if (!c) {
    perror("cox_open");
    return 1;
  }
  cox_collect(c, COX_LOOK_QUICK);
  cox_collect(c, COX_LOOK_FULL);
  for (int kind = 0; kind < 3; kind++) {
    show_line("some", cox_psi_at(c, (cox_psi_kind)kind).some);
    show_line("full", cox_psi_at(c, (cox_psi_kind)kind).full);
  }
  show_memory(c);
  show_nodes(c);
  show_cgroup(c);
  for (int kind = 0; kind <= COX_TEXT_KINDS; kind++) show_text("text", cox_text_at(c, (cox_text_kind)kind));
  cox_close(c);
  cox_close(NULL);
  return 0;
}
