#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cgroup.h"
#include "parse.h"

/// Room for the longest text: the mount table of a machine with many containers.
#define SCRATCH_BYTES (1024 * 1024)

typedef struct node_files {
  cox_file meminfo;
  cox_list cpus;
  cox_node figures;
} node_files;

struct cox_collector {
  char proc_root[COX_PATH_MAX];
  char sys_root[COX_PATH_MAX];
  cox_file psi_files[3];
  cox_psi psi[3];
  cox_file meminfo_file;
  cox_meminfo meminfo;
  size_t node_count;
  bool nodes_truncated;
  node_files nodes[COX_NODES_MAX];
  cox_value distances[COX_NODES_MAX][COX_NODES_MAX];
  cox_cgroup cgroup;
  cox_list texts[COX_TEXT_KINDS];
  char scratch[SCRATCH_BYTES];
};

static cox_file open_below(const char *root, const char *rest) {
  char path[COX_PATH_MAX];
  if (!cox_join(path, root, rest)) return (cox_file){.fd = -1, .cause = ENAMETOOLONG};
  return cox_file_open(path);
}

static void read_list(cox_list *list, const char *root, const char *rest) {
  char path[COX_PATH_MAX];
  list->cause = ENAMETOOLONG;
  if (cox_join(path, root, rest)) cox_list_read(list, path);
}

static void read_allowed(cox_collector *c) {
  static const char *const keys[] = {"Cpus_allowed_list:", "Mems_allowed_list:"};
  char path[COX_PATH_MAX];
  int cause = ENAMETOOLONG;
  int64_t length = -1;
  if (cox_join(path, c->proc_root, "/self/status")) {
    length = cox_file_read_path(path, c->scratch, sizeof c->scratch, &cause);
  }
  for (size_t i = 0; i < 2; i++) {
    size_t found = 0;
    const char *text = length < 0 ? NULL : cox_parse_line(c->scratch, (size_t)length, keys[i], &found);
    if (text) {
      cox_list_store(&c->texts[COX_TEXT_CPUS_ALLOWED + i], text, found);
    } else {
      c->texts[COX_TEXT_CPUS_ALLOWED + i].cause = length < 0 ? cause : ENODATA;
    }
  }
}

/// One line of distances, in the order of the online nodes.
static void read_distances(cox_collector *c, size_t from) {
  char path[COX_PATH_MAX];
  int cause = 0;
  (void)snprintf(path, sizeof path, "%.900s/devices/system/node/node%d/distance", c->sys_root,
                 (int)c->nodes[from].figures.os_index);
  int64_t length = cox_file_read_path(path, c->scratch, sizeof c->scratch, &cause);
  const char *at = c->scratch, *end = c->scratch + (length < 0 ? 0 : length);
  for (size_t to = 0; to < c->node_count; to++) {
    int64_t value = 0;
    while (at < end && *at == ' ') at++;
    if (length < 0) {
      c->distances[from][to] = cox_failure(cause);
    } else if (cox_parse_decimal(&at, end, &value)) {
      c->distances[from][to] = (cox_value){.value = value, .status = COX_OK, .cause = 0};
    } else {
      c->distances[from][to] = cox_failure(EBADMSG);
    }
  }
}

static void open_nodes(cox_collector *c) {
  int32_t ids[COX_NODES_MAX];
  const cox_list *online = &c->texts[COX_TEXT_NODES_ONLINE];
  int64_t count = cox_parse_list(online->text, strlen(online->text), ids, COX_NODES_MAX);
  if (count < 0) c->texts[COX_TEXT_NODES_ONLINE].cause = EBADMSG;
  c->nodes_truncated = count > COX_NODES_MAX;
  c->node_count = count < 0 ? 0 : c->nodes_truncated ? COX_NODES_MAX : (size_t)count;
  for (size_t i = 0; i < c->node_count; i++) {
    char path[COX_PATH_MAX];
    node_files *node = &c->nodes[i];
    node->figures.os_index = ids[i];
    (void)snprintf(path, sizeof path, "%.900s/devices/system/node/node%d/meminfo", c->sys_root, (int)ids[i]);
    node->meminfo = cox_file_open(path);
    (void)snprintf(path, sizeof path, "%.900s/devices/system/node/node%d/cpulist", c->sys_root, (int)ids[i]);
    cox_list_read(&node->cpus, path);
  }
  for (size_t i = 0; i < c->node_count; i++) read_distances(c, i);
}

cox_collector *cox_open(const char *proc_root, const char *sys_root) {
  if (strlen(proc_root) > 512 || strlen(sys_root) > 512) {
    errno = ENAMETOOLONG;
    return NULL;
  }
  cox_collector *c = calloc(1, sizeof *c);
  if (!c) return NULL;
  (void)cox_join(c->proc_root, proc_root, "");
  (void)cox_join(c->sys_root, sys_root, "");
  c->psi_files[COX_PSI_MEMORY] = open_below(proc_root, "/pressure/memory");
  c->psi_files[COX_PSI_CPU] = open_below(proc_root, "/pressure/cpu");
  c->psi_files[COX_PSI_IO] = open_below(proc_root, "/pressure/io");
  c->meminfo_file = open_below(proc_root, "/meminfo");
  read_list(&c->texts[COX_TEXT_CPUS_ONLINE], sys_root, "/devices/system/cpu/online");
  read_list(&c->texts[COX_TEXT_NODES_ONLINE], sys_root, "/devices/system/node/online");
  read_list(&c->texts[COX_TEXT_NODES_POSSIBLE], sys_root, "/devices/system/node/possible");
  read_list(&c->texts[COX_TEXT_NUMA_BALANCING], proc_root, "/sys/kernel/numa_balancing");
  read_allowed(c);
  open_nodes(c);
  cox_cgroup_open(&c->cgroup, &c->texts[COX_TEXT_CGROUP_CPUS], &c->texts[COX_TEXT_CGROUP_NODES], proc_root, sys_root,
                  c->scratch, sizeof c->scratch);
  cox_collect(c, COX_LOOK_FULL);
  return c;
}

void cox_close(cox_collector *c) {
  if (!c) return;
  for (size_t i = 0; i < 3; i++) cox_file_close(&c->psi_files[i]);
  cox_file_close(&c->meminfo_file);
  for (size_t i = 0; i < c->node_count; i++) cox_file_close(&c->nodes[i].meminfo);
  cox_cgroup_close(&c->cgroup);
  free(c);
}

static void fail_psi(cox_psi *psi, int cause) {
  cox_value value = cox_failure(cause);
  cox_psi_line line = {value, value, value, value};
  *psi = (cox_psi){.some = line, .full = line};
}

static void collect_psi(cox_collector *c, cox_psi_kind kind) {
  int cause = 0;
  int64_t length = cox_file_read(&c->psi_files[kind], c->scratch, sizeof c->scratch, &cause);
  if (length < 0) {
    fail_psi(&c->psi[kind], cause);
  } else {
    cox_parse_psi(c->scratch, (size_t)length, &c->psi[kind]);
  }
}

static void collect_meminfo(cox_collector *c) {
  int cause = 0;
  int64_t length = cox_file_read(&c->meminfo_file, c->scratch, sizeof c->scratch, &cause);
  cox_meminfo *m = &c->meminfo;
  struct {
    const char *key;
    cox_value *out;
  } const rows[] = {
    {"MemTotal:", &m->total_bytes},          {"MemFree:", &m->free_bytes},
    {"MemAvailable:", &m->available_bytes},  {"Inactive(file):", &m->inactive_file_bytes},
    {"Shmem:", &m->shmem_bytes},             {"Mlocked:", &m->mlocked_bytes},
    {"SwapTotal:", &m->swap_total_bytes},    {"SwapFree:", &m->swap_free_bytes},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    *rows[i].out =
      length < 0 ? cox_failure(cause) : cox_parse_meminfo(c->scratch, (size_t)length, rows[i].key);
  }
}

static void collect_nodes(cox_collector *c) {
  for (size_t i = 0; i < c->node_count; i++) {
    cox_node *node = &c->nodes[i].figures;
    int cause = 0;
    int64_t length = cox_file_read(&c->nodes[i].meminfo, c->scratch, sizeof c->scratch, &cause);
    cox_value failed = cox_failure(length < 0 ? cause : 0);
    node->total_bytes = length < 0 ? failed : cox_parse_meminfo(c->scratch, (size_t)length, "MemTotal:");
    node->free_bytes = length < 0 ? failed : cox_parse_meminfo(c->scratch, (size_t)length, "MemFree:");
    node->inactive_file_bytes =
      length < 0 ? failed : cox_parse_meminfo(c->scratch, (size_t)length, "Inactive(file):");
  }
}

void cox_collect(cox_collector *c, cox_look look) {
  collect_psi(c, COX_PSI_MEMORY);
  collect_meminfo(c);
  cox_cgroup_collect(&c->cgroup, look, c->scratch, sizeof c->scratch);
  if (look == COX_LOOK_QUICK) return;
  collect_psi(c, COX_PSI_CPU);
  collect_psi(c, COX_PSI_IO);
  collect_nodes(c);
}

cox_psi cox_psi_at(const cox_collector *c, cox_psi_kind kind) { return c->psi[kind]; }

cox_meminfo cox_meminfo_at(const cox_collector *c) { return c->meminfo; }

size_t cox_node_count(const cox_collector *c) { return c->node_count; }

bool cox_nodes_truncated(const cox_collector *c) { return c->nodes_truncated; }

cox_node cox_node_at(const cox_collector *c, size_t index) {
  if (index < c->node_count) return c->nodes[index].figures;
  cox_value none = cox_failure(ENOENT);
  return (cox_node){.os_index = -1, .total_bytes = none, .free_bytes = none, .inactive_file_bytes = none};
}

cox_value cox_distance_at(const cox_collector *c, size_t from, size_t to) {
  return from < c->node_count && to < c->node_count ? c->distances[from][to] : cox_failure(ENOENT);
}

static cox_text text_of(const cox_list *list) {
  return (cox_text){.text = list->cause ? "" : list->text, .status = cox_status_of(list->cause), .cause = list->cause};
}

static cox_text no_text(void) { return (cox_text){.text = "", .status = COX_UNSUPPORTED, .cause = ENOENT}; }

cox_text cox_node_cpus_at(const cox_collector *c, size_t index) {
  return index < c->node_count ? text_of(&c->nodes[index].cpus) : no_text();
}

cox_cgroup_version cox_cgroup_memory_version(const cox_collector *c) { return c->cgroup.version; }

bool cox_cgroup_hybrid(const cox_collector *c) { return c->cgroup.hybrid; }

size_t cox_cgroup_level_count(const cox_collector *c) { return c->cgroup.count; }

cox_cgroup_level cox_cgroup_level_at(const cox_collector *c, size_t index) {
  if (index < c->cgroup.count) return c->cgroup.levels[index];
  cox_value none = cox_failure(ENOENT);
  return (cox_cgroup_level){.limited = false, .binding = false, .limit_bytes = none, .high_bytes = none,
                            .usage_bytes = none, .inactive_file_bytes = none, .swap_usage_bytes = none};
}

cox_value cox_cgroup_hidden_limit(const cox_collector *c) { return c->cgroup.hidden_limit; }

cox_text cox_cgroup_path_at(const cox_collector *c, size_t index) {
  if (index >= c->cgroup.count) return no_text();
  return (cox_text){.text = c->cgroup.files[index].path, .status = COX_OK, .cause = 0};
}

cox_text cox_text_at(const cox_collector *c, cox_text_kind kind) {
  return kind < COX_TEXT_KINDS ? text_of(&c->texts[kind]) : no_text();
}
