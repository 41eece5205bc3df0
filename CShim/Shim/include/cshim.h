/// The C shim of Coxswain: cheap figures about this machine from /proc and /sys, read through kept descriptors.
///
/// A collector is opened once (it allocates and opens files then), and `cox_collect` reads every kept descriptor with
/// pread: no allocation, no open, no libc parsing that can fault on strange input. Every figure carries a status and an
/// errno-like cause, so that "not there", "not allowed" and "no longer readable" are never mistaken for zero.
///
/// A collector belongs to one thread at a time. Nothing here aborts the process, keeps global state or logs.
#ifndef COXSWAIN_CSHIM_H
#define COXSWAIN_CSHIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// Most NUMA nodes that are read; a machine with more is reported as `cox_nodes_truncated`.
#define COX_NODES_MAX 64
/// Most nested cgroups between the process and the root of the mount that are looked at.
#define COX_CGROUP_LEVELS_MAX 16
/// Longest path and longest list of CPUs or nodes, with the final zero, in bytes.
#define COX_PATH_MAX 1024
#define COX_LIST_MAX 8192

typedef enum cox_status {
  COX_OK = 0,
  /// The kernel, the file system or the configuration does not offer this figure.
  COX_UNSUPPORTED = 1,
  /// It exists and this process may not read it.
  COX_DENIED = 2,
  /// It exists and cannot be read or understood (any more).
  COX_LOST = 3,
} cox_status;

/// One figure. `value` is meaningful for `COX_OK` only; `cause` is an errno value, 0 for `COX_OK`.
/// EBADMSG: the file was read and its text was not understood. ENODATA: the file has no such line.
typedef struct cox_value {
  int64_t value;
  int32_t status;
  int32_t cause;
} cox_value;

/// One line of a PSI file (kernel: Documentation/accounting/psi.rst). Averages in hundredths of a percent.
typedef struct cox_psi_line {
  cox_value avg10_centipercent;
  cox_value avg60_centipercent;
  cox_value avg300_centipercent;
  cox_value total_us;
} cox_psi_line;

typedef struct cox_psi {
  cox_psi_line some;
  /// Missing for cpu on kernels before 5.13.
  cox_psi_line full;
} cox_psi;

typedef enum cox_psi_kind { COX_PSI_MEMORY = 0, COX_PSI_CPU = 1, COX_PSI_IO = 2 } cox_psi_kind;

/// /proc/meminfo, in bytes.
typedef struct cox_meminfo {
  cox_value total_bytes;
  cox_value free_bytes;
  cox_value available_bytes;
  cox_value inactive_file_bytes;
  cox_value shmem_bytes;
  cox_value mlocked_bytes;
  cox_value swap_total_bytes;
  cox_value swap_free_bytes;
} cox_meminfo;

/// /sys/devices/system/node/nodeN/meminfo, in bytes.
typedef struct cox_node {
  int32_t os_index;
  cox_value total_bytes;
  cox_value free_bytes;
  cox_value inactive_file_bytes;
} cox_node;

typedef enum cox_cgroup_version { COX_CGROUP_NONE = 0, COX_CGROUP_V1 = 1, COX_CGROUP_V2 = 2 } cox_cgroup_version;

/// Memory figures of one cgroup, in bytes.
typedef struct cox_cgroup_level {
  /// False where the file says "max" or the v1 figure for "no limit"; `limit_bytes.value` is INT64_MAX then.
  bool limited;
  /// Whether any limit can bind here (its own, `high_bytes`, a hidden one above it): read at every look then.
  bool binding;
  cox_value limit_bytes;
  /// v2: above it the kernel slows the processes down and reclaims. Unsupported where there is none.
  cox_value high_bytes;
  cox_value usage_bytes;
  /// Inactive page cache charged here: the kernel drops it before it kills.
  cox_value inactive_file_bytes;
  cox_value swap_usage_bytes;
} cox_cgroup_level;

typedef enum cox_text_kind {
  /// CPUs that this process may run on (Cpus_allowed_list of /proc/self/status).
  COX_TEXT_CPUS_ALLOWED = 0,
  /// NUMA nodes that this process may allocate on (Mems_allowed_list).
  COX_TEXT_NODES_ALLOWED = 1,
  COX_TEXT_CPUS_ONLINE = 2,
  COX_TEXT_NODES_ONLINE = 3,
  /// NUMA nodes that could come online.
  COX_TEXT_NODES_POSSIBLE = 4,
  /// Effective cpuset of the cgroup that governs it.
  COX_TEXT_CGROUP_CPUS = 5,
  COX_TEXT_CGROUP_NODES = 6,
  /// "0" or "1": automatic NUMA balancing of the kernel, which moves pages behind a binding's back.
  COX_TEXT_NUMA_BALANCING = 7,
  COX_TEXT_KINDS = 8,
} cox_text_kind;

/// Text that was read when the collector was opened. `text` lives as long as the collector and is never NULL.
typedef struct cox_text {
  const char *text;
  int32_t status;
  int32_t cause;
} cox_text;

typedef struct cox_collector cox_collector;

/// Opens every file below `proc_root` and `sys_root` (normally "/proc" and "/sys"; a test passes its own trees).
/// Returns NULL with errno set only if memory is short or a root is too long: a missing file is a status.
cox_collector *cox_open(const char *proc_root, const char *sys_root);

/// Closes the descriptors and frees. NULL is allowed.
void cox_close(cox_collector *collector);

/// How much one look reads.
typedef enum cox_look {
  /// What decisions hang on and what moves from one moment to the next: stall times of memory, meminfo, and the usage
  /// of cgroups whose limit can bind. Everything else keeps the figures of the look before.
  COX_LOOK_QUICK = 0,
  COX_LOOK_FULL = 1,
} cox_look;

/// Reads kept descriptors. Costs some microseconds per file; never allocates, never blocks on a device.
void cox_collect(cox_collector *collector, cox_look look);

/// Figures of the last `cox_collect`.
cox_psi cox_psi_at(const cox_collector *collector, cox_psi_kind kind);
cox_meminfo cox_meminfo_at(const cox_collector *collector);
size_t cox_node_count(const cox_collector *collector);
bool cox_nodes_truncated(const cox_collector *collector);
/// `index` below `cox_node_count`, else every figure is unsupported. Ascending os_index.
cox_node cox_node_at(const cox_collector *collector, size_t index);

/// SLIT distance from node `from` to node `to` (positions, not os indices); 10 is local. Read at `cox_open`.
cox_value cox_distance_at(const cox_collector *collector, size_t from, size_t to);
/// CPUs of the node at `index` as a list ("0-3,8"), empty for a node without CPUs. Read at `cox_open`.
cox_text cox_node_cpus_at(const cox_collector *collector, size_t index);

/// Which hierarchy governs the memory controller, and whether both hierarchies are mounted ("hybrid").
cox_cgroup_version cox_cgroup_memory_version(const cox_collector *collector);
bool cox_cgroup_hybrid(const cox_collector *collector);
/// Cgroups from the process's own (0) up to the root of the mount; the root of v2 has no memory files and is left out.
size_t cox_cgroup_level_count(const cox_collector *collector);
cox_cgroup_level cox_cgroup_level_at(const cox_collector *collector, size_t index);
/// v1: the limit of a cgroup above the mount, which a container feels and cannot see. Unsupported where there is none.
/// Read at `cox_open`.
cox_value cox_cgroup_hidden_limit(const cox_collector *collector);
/// Path of that cgroup below its mount point ("/" is the mount's own root).
cox_text cox_cgroup_path_at(const cox_collector *collector, size_t index);

cox_text cox_text_at(const cox_collector *collector, cox_text_kind kind);

/// May the calling thread set a memory policy? Sets the policy that it has, so nothing changes. Containers often refuse
/// (EPERM), which makes a NUMA binding silently useless.
cox_value cox_memory_policy_settable(void);

/// CPUs of the calling thread, ascending, at most `capacity` of them. Returns how many there are, or -1 with errno set.
int64_t cox_cpus_of_thread(int32_t *cpus, size_t capacity);

/// Binds the calling thread to CPUs. 0, or an errno value; EINVAL if none of them may be used.
int cox_bind_cpus(const int32_t *cpus, size_t count);

typedef enum cox_memory_mode {
  /// The kernel's default: memory of the node on which the thread runs.
  COX_MEMORY_DEFAULT = 0,
  /// Another node is taken when this one is full.
  COX_MEMORY_PREFERRED = 1,
  /// Nothing but this node: the allocation fails when it is full.
  COX_MEMORY_BIND = 2,
  /// A policy that this project does not set.
  COX_MEMORY_OTHER = 3,
} cox_memory_mode;

/// Sets the memory policy of the calling thread, which programs started by exec inherit. 0, or an errno value.
int cox_set_memory_node(cox_memory_mode mode, int32_t node);

/// The memory policy of the calling thread. `*node` is its only or first node, -1 without one. 0, or an errno value.
int cox_memory_policy(cox_memory_mode *mode, int32_t *node);

/// Opens the kernel's trigger for memory pressure: the descriptor becomes urgent (POLLPRI) when some task waited for
/// memory for `stall_us` within `window_us`, at most once in each window. Without privileges the window must be a
/// multiple of 2 s. Returns the descriptor, which the caller closes, or a negative errno value; -ENOTSUP where
/// `proc_root` is not the kernel's.
int cox_pressure_trigger(const char *proc_root, int64_t stall_us, int64_t window_us);

/// A pipe whose ends are not inherited by programs that other threads start meanwhile. 0, or an errno value.
int cox_pipe(int ends[2]);

#endif
