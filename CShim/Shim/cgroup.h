/// Finds the cgroups that govern this process's memory and CPUs, and keeps their files open.
#ifndef COXSWAIN_CGROUP_H
#define COXSWAIN_CGROUP_H

#include "file.h"

typedef struct cox_cgroup_files {
  char path[COX_PATH_MAX];
  cox_file limit;
  cox_file high;
  cox_file usage;
  cox_file stat;
  cox_file swap;
} cox_cgroup_files;

typedef struct cox_cgroup {
  cox_cgroup_version version;
  bool hybrid;
  cox_value hidden_limit;
  size_t count;
  cox_cgroup_files files[COX_CGROUP_LEVELS_MAX];
  cox_cgroup_level levels[COX_CGROUP_LEVELS_MAX];
} cox_cgroup;

/// One text with its status, kept by the collector.
typedef struct cox_list {
  char text[COX_LIST_MAX];
  int cause;
} cox_list;

/// `scratch` holds text while this runs.
void cox_cgroup_open(
  cox_cgroup *cgroup, cox_list *cpus, cox_list *nodes, const char *proc_root, const char *sys_root, char *scratch,
  size_t capacity);
void cox_cgroup_collect(cox_cgroup *cgroup, cox_look look, char *scratch, size_t capacity);
void cox_cgroup_close(cox_cgroup *cgroup);

/// Reads a one-line file into `list`.
void cox_list_read(cox_list *list, const char *path);
/// Stores `length` bytes, or the cause why there are none.
void cox_list_store(cox_list *list, const char *text, size_t length);

#endif
