#include "cgroup.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "parse.h"

/// Where one hierarchy is mounted. The mount table is asked rather than statfs: it also says which part of the
/// hierarchy is visible (containers mount a subtree), and works where controllers are mounted at unusual places.
typedef struct mount_point {
  bool found;
  char root[COX_PATH_MAX];
  char point[COX_PATH_MAX];
} mount_point;

typedef struct mounts {
  mount_point memory_v1;
  mount_point cpuset_v1;
  mount_point v2;
  bool any_v1;
} mounts;

typedef struct field {
  char *text;
  size_t length;
} field;

static bool field_is(field f, const char *word) { return f.length == strlen(word) && !memcmp(f.text, word, f.length); }

/// Is `word` an element of the comma-separated list?
static bool list_has(const char *text, size_t length, const char *word) {
  size_t wanted = strlen(word), start = 0;
  for (size_t i = 0; i <= length; i++) {
    if (i < length && text[i] != ',') continue;
    if (i - start == wanted && !memcmp(text + start, word, wanted)) return true;
    start = i + 1;
  }
  return false;
}

static bool copy_path(char *out, const char *text, size_t length) {
  if (length >= COX_PATH_MAX) return false;
  memcpy(out, text, length);
  out[length] = 0;
  return true;
}

/// The mount point as this process reaches it: a test's tree stands in for /sys.
static bool place_mount(mount_point *mount, field root, field point, const char *sys_root) {
  char path[COX_PATH_MAX];
  root.length = cox_unescape(root.text, root.length);
  point.length = cox_unescape(point.text, point.length);
  if (!copy_path(mount->root, root.text, root.length) || !copy_path(path, point.text, point.length)) return false;
  bool below_sys = !strncmp(path, "/sys/", 5);
  mount->found = below_sys ? cox_join(mount->point, sys_root, path + 4) : cox_join(mount->point, path, "");
  return mount->found;
}

/// One line of mountinfo: id parent dev root point options [tags...] - type source super_options (proc(5)).
static void read_mount_line(char *at, char *end, const char *sys_root, mounts *out) {
  field fields[64];
  size_t count = 0, dash = 0;
  while (at < end && count < 64) {
    char *stop = memchr(at, ' ', (size_t)(end - at));
    if (!stop) stop = end;
    fields[count] = (field){.text = at, .length = (size_t)(stop - at)};
    if (!dash && count > 5 && field_is(fields[count], "-")) dash = count;
    count++;
    at = stop + (stop < end);
  }
  if (!dash || count < dash + 4) return;
  field type = fields[dash + 1], super = fields[dash + 3];
  if (field_is(type, "cgroup2") && !out->v2.found) {
    (void)place_mount(&out->v2, fields[3], fields[4], sys_root);
  } else if (field_is(type, "cgroup")) {
    bool memory = list_has(super.text, super.length, "memory") && !out->memory_v1.found;
    bool cpuset = list_has(super.text, super.length, "cpuset") && !out->cpuset_v1.found;
    out->any_v1 = true;
    // Both may be one mount; the first call undoes the escapes, and a plain path has none to undo twice.
    if (memory && place_mount(&out->memory_v1, fields[3], fields[4], sys_root) && cpuset) {
      out->cpuset_v1 = out->memory_v1;
    } else if (cpuset) {
      (void)place_mount(&out->cpuset_v1, fields[3], fields[4], sys_root);
    }
  }
}

static void read_mounts(const char *proc_root, const char *sys_root, char *scratch, size_t capacity, mounts *out) {
  char path[COX_PATH_MAX];
  int cause = 0;
  memset(out, 0, sizeof *out);
  if (!cox_join(path, proc_root, "/self/mountinfo")) return;
  int64_t length = cox_file_read_path(path, scratch, capacity, &cause);
  if (length < 0) return;
  char *at = scratch, *end = scratch + length;
  while (at < end) {
    char *stop = memchr(at, '\n', (size_t)(end - at));
    if (!stop) stop = end;
    read_mount_line(at, stop, sys_root, out);
    at = stop + (stop < end);
  }
}

/// Path of this process in the hierarchy that has `controller` (NULL: v2), from /proc/self/cgroup text.
static bool own_path(const char *text, size_t length, const char *controller, char *out) {
  const char *at = text, *end = text + length;
  while (at < end) {
    const char *stop = memchr(at, '\n', (size_t)(end - at));
    if (!stop) stop = end;
    const char *first = memchr(at, ':', (size_t)(stop - at));
    const char *second = first ? memchr(first + 1, ':', (size_t)(stop - first - 1)) : NULL;
    if (second) {
      size_t names = (size_t)(second - first - 1);
      bool hit = controller ? list_has(first + 1, names, controller) : names == 0 && first - at == 1 && *at == '0';
      if (hit) return copy_path(out, second + 1, (size_t)(stop - second - 1));
    }
    at = stop + (stop < end);
  }
  return false;
}

/// `path` of /proc/self/cgroup as seen below the mount. A path outside of what is mounted (another namespace, a
/// subtree) becomes the mount's own root: the nearest cgroup that this process can see.
static void relative_path(char *path, const char *mount_root) {
  size_t root = strcmp(mount_root, "/") ? strlen(mount_root) : 0;
  bool below = !strncmp(path, mount_root, root) && (path[root] == '/' || path[root] == 0);
  if (!below || strstr(path, "/..")) {
    path[0] = 0;
    return;
  }
  memmove(path, path + root, strlen(path + root) + 1);
  if (!strcmp(path, "/")) path[0] = 0;
}

static cox_file open_in(const char *mount, const char *path, const char *name) {
  char directory[COX_PATH_MAX], full[COX_PATH_MAX];
  if (!cox_join(directory, mount, path) || !cox_join(full, directory, name)) {
    return (cox_file){.fd = -1, .cause = ENAMETOOLONG};
  }
  return cox_file_open(full);
}

static void close_files(cox_cgroup_files *files) {
  cox_file_close(&files->limit);
  cox_file_close(&files->high);
  cox_file_close(&files->usage);
  cox_file_close(&files->stat);
  cox_file_close(&files->swap);
}

/// Opens one level. False if there is no memory controller at it (the root of v2, a level without it enabled).
static bool open_level(cox_cgroup_files *files, cox_cgroup_version version, const char *mount, const char *path) {
  bool v1 = version == COX_CGROUP_V1;
  (void)cox_join(files->path, path[0] ? path : "/", "");
  files->limit = open_in(mount, path, v1 ? "/memory.limit_in_bytes" : "/memory.max");
  files->high = v1 ? (cox_file){.fd = -1, .cause = ENOENT} : open_in(mount, path, "/memory.high");
  files->usage = open_in(mount, path, v1 ? "/memory.usage_in_bytes" : "/memory.current");
  files->stat = open_in(mount, path, "/memory.stat");
  files->swap = open_in(mount, path, v1 ? "/memory.memsw.usage_in_bytes" : "/memory.swap.current");
  if (files->limit.cause == ENOENT && files->usage.cause == ENOENT) {
    close_files(files);
    return false;
  }
  return true;
}

static cox_value read_number(const cox_file *file, char *scratch, size_t capacity) {
  int cause = 0;
  int64_t length = cox_file_read(file, scratch, capacity, &cause);
  return length < 0 ? cox_failure(cause) : cox_parse_number(scratch, (size_t)length);
}

/// cgroup v1 says "no limit" by the largest multiple of the page size (4 KiB to 64 KiB) that fits.
static bool is_limit(cox_value limit) { return limit.status == COX_OK && limit.value < INT64_MAX - 65536; }

/// The least limit of all cgroups above, as v1 states it in the process's own one: less than every limit that can be
/// seen means one that cannot.
static cox_value read_hidden_limit(const cox_cgroup *cgroup, char *scratch, size_t capacity) {
  int cause = 0;
  if (cgroup->version != COX_CGROUP_V1 || cgroup->count == 0) return cox_failure(ENOENT);
  int64_t length = cox_file_read(&cgroup->files[0].stat, scratch, capacity, &cause);
  if (length < 0) return cox_failure(cause == ENOENT ? ENOENT : cause);
  cox_value least = cox_parse_stat(scratch, (size_t)length, "hierarchical_memory_limit");
  if (!is_limit(least)) return cox_failure(ENOENT);
  for (size_t i = 0; i < cgroup->count; i++) {
    cox_value limit = read_number(&cgroup->files[i].limit, scratch, capacity);
    if (limit.status == COX_OK && limit.value <= least.value) return cox_failure(ENOENT);
  }
  return least;
}

static void open_levels(cox_cgroup *cgroup, const char *mount, char *path) {
  while (cgroup->count < COX_CGROUP_LEVELS_MAX) {
    if (open_level(&cgroup->files[cgroup->count], cgroup->version, mount, path)) cgroup->count++;
    char *slash = strrchr(path, '/');
    if (!slash) return;
    *slash = 0;
  }
}

/// The effective cpuset of the nearest cgroup, upwards from `path`, that has one.
static void read_cpuset(cox_list *list, const char *mount, const char *path, const char *name, const char *older) {
  char at[COX_PATH_MAX], directory[COX_PATH_MAX], full[COX_PATH_MAX];
  list->cause = ENAMETOOLONG;
  if (!cox_join(at, path, "")) return;
  while (true) {
    if (!cox_join(directory, mount, at) || !cox_join(full, directory, name)) return;
    cox_list_read(list, full);
    if (list->cause == ENOENT && older && cox_join(full, directory, older)) cox_list_read(list, full);
    char *slash = strrchr(at, '/');
    if (list->cause != ENOENT || !slash) return;
    *slash = 0;
  }
}

void cox_list_store(cox_list *list, const char *text, size_t length) {
  list->cause = length < COX_LIST_MAX ? 0 : E2BIG;
  if (list->cause) length = 0;
  memcpy(list->text, text, length);
  list->text[length] = 0;
}

void cox_list_read(cox_list *list, const char *path) {
  int64_t length = cox_file_read_path(path, list->text, COX_LIST_MAX, &list->cause);
  if (length == COX_LIST_MAX) list->cause = E2BIG;
  if (length < 0 || length == COX_LIST_MAX) length = 0;
  while (length > 0 && (list->text[length - 1] == '\n' || list->text[length - 1] == 0)) length--;
  list->text[length] = 0;
}

void cox_cgroup_open(
  cox_cgroup *cgroup, cox_list *cpus, cox_list *nodes, const char *proc_root, const char *sys_root, char *scratch,
  size_t capacity) {
  mounts table;
  char path[COX_PATH_MAX], own[COX_LIST_MAX];
  int cause = 0;
  cgroup->version = COX_CGROUP_NONE;
  cgroup->count = 0;
  cgroup->hidden_limit = cox_failure(ENOENT);
  cpus->cause = nodes->cause = ENOENT;
  read_mounts(proc_root, sys_root, scratch, capacity, &table);
  cgroup->hybrid = table.any_v1 && table.v2.found;
  if (!cox_join(path, proc_root, "/self/cgroup")) return;
  int64_t length = cox_file_read_path(path, own, sizeof own, &cause);
  if (length < 0) return;
  if (table.memory_v1.found && own_path(own, (size_t)length, "memory", path)) {
    cgroup->version = COX_CGROUP_V1;
    relative_path(path, table.memory_v1.root);
    open_levels(cgroup, table.memory_v1.point, path);
    cgroup->hidden_limit = read_hidden_limit(cgroup, scratch, capacity);
  } else if (table.v2.found && own_path(own, (size_t)length, NULL, path)) {
    cgroup->version = COX_CGROUP_V2;
    relative_path(path, table.v2.root);
    open_levels(cgroup, table.v2.point, path);
  }
  if (table.cpuset_v1.found && own_path(own, (size_t)length, "cpuset", path)) {
    relative_path(path, table.cpuset_v1.root);
    read_cpuset(cpus, table.cpuset_v1.point, path, "/cpuset.effective_cpus", "/cpuset.cpus");
    read_cpuset(nodes, table.cpuset_v1.point, path, "/cpuset.effective_mems", "/cpuset.mems");
  } else if (table.v2.found && own_path(own, (size_t)length, NULL, path)) {
    relative_path(path, table.v2.root);
    read_cpuset(cpus, table.v2.point, path, "/cpuset.cpus.effective", NULL);
    read_cpuset(nodes, table.v2.point, path, "/cpuset.mems.effective", NULL);
  }
}

static void collect_level(cox_cgroup *cgroup, size_t i, char *scratch, size_t capacity) {
  bool v1 = cgroup->version == COX_CGROUP_V1;
  const cox_cgroup_files *files = &cgroup->files[i];
  cox_cgroup_level *level = &cgroup->levels[i];
  level->limit_bytes = read_number(&files->limit, scratch, capacity);
  level->limited = is_limit(level->limit_bytes);
  if (level->limit_bytes.status == COX_OK && !level->limited) level->limit_bytes.value = INT64_MAX;
  level->high_bytes = read_number(&files->high, scratch, capacity);
  bool high = is_limit(level->high_bytes);
  if (level->high_bytes.status == COX_OK && !high) level->high_bytes = cox_failure(ENOENT);
  level->usage_bytes = read_number(&files->usage, scratch, capacity);
  level->swap_usage_bytes = read_number(&files->swap, scratch, capacity);
  // v1 counts memory plus swap in one figure.
  bool both = level->swap_usage_bytes.status == COX_OK && level->usage_bytes.status == COX_OK;
  if (v1 && both) {
    int64_t swap = level->swap_usage_bytes.value - level->usage_bytes.value;
    level->swap_usage_bytes.value = swap > 0 ? swap : 0;
  }
  // memory.stat is the dearest file here; it matters only where a limit can bind.
  bool hidden = i + 1 == cgroup->count && cgroup->hidden_limit.status == COX_OK;
  level->binding = level->limited || high || hidden;
  if (!level->binding) {
    level->inactive_file_bytes = cox_failure(ENODATA);
    return;
  }
  int cause = 0;
  int64_t length = cox_file_read(&files->stat, scratch, capacity, &cause);
  level->inactive_file_bytes =
    length < 0 ? cox_failure(cause)
               : cox_parse_stat(scratch, (size_t)length, v1 ? "total_inactive_file" : "inactive_file");
}

void cox_cgroup_collect(cox_cgroup *cgroup, cox_look look, char *scratch, size_t capacity) {
  for (size_t i = 0; i < cgroup->count; i++) {
    if (look == COX_LOOK_FULL) {
      collect_level(cgroup, i, scratch, capacity);
    } else if (cgroup->levels[i].binding) {
      cgroup->levels[i].usage_bytes = read_number(&cgroup->files[i].usage, scratch, capacity);
    }
  }
}

void cox_cgroup_close(cox_cgroup *cgroup) {
  for (size_t i = 0; i < cgroup->count; i++) close_files(&cgroup->files[i]);
  cgroup->count = 0;
}
