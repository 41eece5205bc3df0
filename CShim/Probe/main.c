/// coxswain-probe: reads the machine's topology with hwloc and prints it as one JSON document.
///
/// It is a process of its own because hwloc may abort and drivers may hang; whoever runs it supervises it.
#include <errno.h>
#include <getopt.h>
#include <hwloc.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#include "calibrate.h"
#include "document.h"
#include "nvml.h"
#include "stage.h"

#define EXIT_USAGE 64
/// Time between two looks of --stream, in milliseconds.
#define PACE_MIN_MS 100
#define PACE_MAX_MS 3600000

typedef struct options {
  const char *xml;
  const char *synthetic;
  bool gpus;
  bool stream;
  const char *nvml;
  const char *sysfs;
  bool calibrate;
  calibration calibration;
  const char *store;
  probe_pace pace;
} options;

static const char help[] =
  "coxswain-probe prints the topology of this machine, or figures of its GPUs, as one JSON document.\n"
  "\n"
  "  coxswain-probe\n"
  "  coxswain-probe --topology-xml machine.xml\n"
  "  coxswain-probe --topology-synthetic 'pack:2 [numa(memory=68719476736)] l3:1 core:16 pu:2'\n"
  "  coxswain-probe --gpus\n"
  "  coxswain-probe --gpus --stream --fast-ms 1000\n"
  "  coxswain-probe --calibrate --disk /var/lib/coxswain --store /var/cache/coxswain/calibration.json\n"
  "\n"
  "  --topology-xml FILE        describe the machine in FILE (hwloc XML)\n"
  "  --topology-synthetic TEXT  describe the machine that TEXT denotes (hwloc synthetic notation)\n"
  "  --gpus                     print memory, load, power and errors of GPUs instead\n"
  "  --nvml FILE                the driver's library (default " NVML_LIBRARY ")\n"
  "  --stream                   with --gpus: go on, one document a line, XID errors at once\n"
  "  --fast-ms N                between two looks of --stream (default 1000)\n"
  "  --slow-ms N                between two looks at what is dear or hardly changes (default 30000)\n"
  "  --stages                   print a line before each stage that may hang\n"
  "  --sysfs FOLDER             where GPUs of other makers are looked for (default /sys)\n"
  "  --calibrate                measure copies to and from GPUs that nobody uses, and the disk\n"
  "  --disk FOLDER              with --calibrate: on this disk, 256 MiB at most (default: no disk)\n"
  "  --store FILE               with --calibrate: keep the document there, where the sidecar finds it\n"
  "  --force                    with --calibrate: measure GPUs in use, too\n"
  "  --cuda FILE                CUDA's driver library (default " CUDA_LIBRARY ")\n"
  "  --version                  print the version of the document and of hwloc\n"
  "  --help                     print this\n"
  "\n"
  "Exit codes: 0 printed, 1 the topology could not be read or printed, 64 wrong usage, 75 the GPU driver was\n"
  "exchanged while --stream ran.\n";

static int usage(const char *why, const char *what) {
  (void)fprintf(stderr, "coxswain-probe: %s%s (try --help)\n", why, what);
  return EXIT_USAGE;
}

static int failed(const char *what, const char *why) {
  (void)fprintf(stderr, "coxswain-probe: %s: %s\n", what, why);
  return EXIT_FAILURE;
}

/// hwloc's plug-ins for GPU libraries load drivers, which may hang, and the one for displays connects to X.
static int leave_out_drivers(hwloc_topology_t topology) {
  static const char *const components[] = {"cuda", "nvml", "rsmi", "levelzero", "opencl", "gl"};
  for (size_t i = 0; i < sizeof components / sizeof components[0]; i++) {
    int rc = hwloc_topology_set_components(topology, HWLOC_TOPOLOGY_COMPONENTS_FLAG_BLACKLIST, components[i]);
    // EINVAL: this hwloc has no such component, which is just as well.
    if (rc != 0 && errno != EINVAL) return -1;
  }
  return 0;
}

static int configure(hwloc_topology_t topology, const options *o) {
  if (o->xml && hwloc_topology_set_xml(topology, o->xml) != 0) return -1;
  if (o->synthetic && hwloc_topology_set_synthetic(topology, o->synthetic) != 0) return -1;
  if (leave_out_drivers(topology) != 0) return -1;
  // The whole machine is shown; what this process may use is stated beside it.
  if (hwloc_topology_set_flags(topology, HWLOC_TOPOLOGY_FLAG_INCLUDE_DISALLOWED) != 0) return -1;
  return hwloc_topology_set_io_types_filter(topology, HWLOC_TYPE_FILTER_KEEP_ALL);
}

/// What a taskset or a numactl around this process leaves is less than what its cgroup allows.
static int restrict_to_own_affinity(hwloc_topology_t topology) {
  hwloc_bitmap_t cpus = hwloc_bitmap_alloc();
  if (!cpus) return -1;
  int rc = hwloc_get_cpubind(topology, cpus, HWLOC_CPUBIND_THREAD);
  // Systems that cannot tell leave the cgroup's answer.
  if (rc == 0) rc = hwloc_bitmap_and(cpus, cpus, hwloc_topology_get_allowed_cpuset(topology));
  if (rc == 0 && !hwloc_bitmap_iszero(cpus)) rc = hwloc_topology_allow(topology, cpus, NULL, HWLOC_ALLOW_FLAG_CUSTOM);
  hwloc_bitmap_free(cpus);
  return rc;
}

/// Prints and frees; NULL stands for a lack of memory.
static int print_json(cJSON *json) {
  char *text = json ? cJSON_PrintUnformatted(json) : NULL;
  int rc = EXIT_SUCCESS;
  if (!text) rc = failed("cannot build the document", strerror(ENOMEM));
  if (text && (puts(text) == EOF || fflush(stdout) == EOF)) rc = failed("cannot print", strerror(errno));
  cJSON_free(text);
  cJSON_Delete(json);
  return rc;
}

/// Whether the file begins as NCCL's do. They state other things, and the sidecar's program reads them without help.
static bool is_nccl(const char *path) {
  char text[512];
  FILE *file = fopen(path, "re");
  if (!file) return false;
  size_t length = fread(text, 1, sizeof text - 1, file);
  // Only read from: a failing close loses nothing.
  (void)fclose(file);
  text[length] = 0;
  return strstr(text, "<system") != NULL;
}

static int not_loaded(const options *o) {
  if (o->xml && is_nccl(o->xml)) {
    return failed(o->xml, "a topology of NCCL: `coxswain topology --from` and `coxswain place --topology` read it");
  }
  return failed(o->xml ? o->xml : o->synthetic ? o->synthetic : "this machine", "the topology cannot be loaded");
}

static int run(const options *o) {
  hwloc_topology_t topology;
  // Memory of GPUs that the kernel presents as NUMA nodes must be seen, to keep host work off it.
  if (setenv("HWLOC_KEEP_NVIDIA_GPU_NUMA_NODES", "1", 0) != 0) return failed("setenv", strerror(errno));
  if (hwloc_topology_init(&topology) != 0) return failed("hwloc_topology_init", strerror(errno));
  int rc = EXIT_SUCCESS;
  stage_enter("discover");
  if (configure(topology, o) != 0) {
    rc = failed(o->xml ? o->xml : o->synthetic ? o->synthetic : "configuration", strerror(errno));
  } else if (hwloc_topology_load(topology) != 0) {
    rc = not_loaded(o);
  } else {
    if (!o->xml && !o->synthetic && restrict_to_own_affinity(topology) != 0) {
      (void)failed("the affinity of this process", strerror(errno));
    }
    rc = print_json(probe_document(topology, o->xml ? "xml" : o->synthetic ? "synthetic" : "native"));
  }
  hwloc_topology_destroy(topology);
  return rc;
}

/// A number of milliseconds within the limits; -1 for anything else.
static long long milliseconds(const char *text) {
  char *end = NULL;
  long long value = strtoll(text, &end, 10);
  return end != text && !*end && value >= PACE_MIN_MS && value <= PACE_MAX_MS ? value : -1;
}

static int calibrate(const options *o) {
  calibration what = o->calibration;
  what.nvml = o->nvml;
  cJSON *json = probe_calibration(&what);
  int cause = json && o->store ? probe_store(json, o->store) : 0;
  int rc = print_json(json);
  return cause ? failed(o->store, strerror(cause)) : rc;
}

static int check_and_run(const options *o) {
  if (o->xml && o->synthetic) return usage("--topology-xml and --topology-synthetic exclude each other", "");
  if (o->gpus && (o->xml || o->synthetic)) return usage("--gpus reads this machine", "");
  if (o->stream && !o->gpus) return usage("--stream goes with --gpus", "");
  if (o->pace.fast_ms < 0 || o->pace.slow_ms < 0) return usage("--fast-ms and --slow-ms: expected 100 to 3600000", "");
  bool extra = o->calibration.disk || o->calibration.force || o->store;
  if (extra && !o->calibrate) return usage("--disk, --store and --force go with --calibrate", "");
  if (o->calibrate && (o->gpus || o->xml || o->synthetic)) return usage("--calibrate stands alone", "");
  if (o->calibrate) return calibrate(o);
  if (o->stream) return probe_gpus_stream(o->nvml, o->sysfs, &o->pace);
  return o->gpus ? print_json(probe_gpus_document(o->nvml, o->sysfs)) : run(o);
}

/// Takes one option. False if it is not one that sets something.
static bool apply(options *o, int option) {
  switch (option) {
    case 'x': o->xml = optarg; break;
    case 's': o->synthetic = optarg; break;
    case 'g': o->gpus = true; break;
    case 'S': o->stream = true; break;
    case 'F': o->pace.fast_ms = milliseconds(optarg); break;
    case 'L': o->pace.slow_ms = milliseconds(optarg); break;
    case 'T': stage_tell(); break;
    case 'n': o->nvml = optarg; break;
    case 'y': o->sysfs = optarg; break;
    case 'c': o->calibrate = true; break;
    case 'd': o->calibration.disk = optarg; break;
    case 'o': o->store = optarg; break;
    case 'f': o->calibration.force = true; break;
    case 'u': o->calibration.cuda = optarg; break;
    default: return false;
  }
  return true;
}

int main(int argc, char **argv) {
  static const struct option known[] = {
    {"topology-xml", required_argument, NULL, 'x'},
    {"topology-synthetic", required_argument, NULL, 's'},
    {"gpus", no_argument, NULL, 'g'},
    {"stream", no_argument, NULL, 'S'},
    {"fast-ms", required_argument, NULL, 'F'},
    {"slow-ms", required_argument, NULL, 'L'},
    {"stages", no_argument, NULL, 'T'},
    {"nvml", required_argument, NULL, 'n'},
    {"sysfs", required_argument, NULL, 'y'},
    {"calibrate", no_argument, NULL, 'c'},
    {"disk", required_argument, NULL, 'd'},
    {"store", required_argument, NULL, 'o'},
    {"force", no_argument, NULL, 'f'},
    {"cuda", required_argument, NULL, 'u'},
    {"version", no_argument, NULL, 'v'},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
  };
  options o = {.nvml = NVML_LIBRARY, .sysfs = "/sys", .calibration = {.cuda = CUDA_LIBRARY},
             .pace = {.fast_ms = 1000, .slow_ms = 30000}};
  // Dies with the sidecar; a parent that is no Linux process (none) only loses this extra.
  (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
  opterr = 0;
  for (int option = 0; (option = getopt_long(argc, argv, ":", known, NULL)) != -1;) {
    if (apply(&o, option)) continue;
    switch (option) {
      case 'v':
        return printf("coxswain-probe document %d, hwloc %x\n", PROBE_DOCUMENT_VERSION, hwloc_get_api_version()) < 0;
      case 'h': return fputs(help, stdout) == EOF;
      case ':': return usage("missing value for ", argv[optind - 1]);
      default: return usage("unknown option ", argv[optind - 1]);
    }
  }
  if (optind < argc) return usage("unexpected argument ", argv[optind]);
  return check_and_run(&o);
}
