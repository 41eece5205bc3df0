import SchedulerCore

/// Everything that one look through the C shim found, in the shim's order and units.
struct MachineReadings: Sendable {
  struct PressureLine: Sendable {
    /// Share of the time in which tasks waited, in hundredths of a percent, averaged over 10, 60 and 300 s.
    var avg10Centipercent: Reading<Int>
    var avg60Centipercent: Reading<Int>
    var avg300Centipercent: Reading<Int>
    var totalUs: Reading<Int>
  }

  struct Pressure: Sendable {
    /// At least one task waited.
    var some: PressureLine
    /// All tasks waited at once.
    var full: PressureLine
  }

  /// /proc/meminfo, in bytes.
  struct Memory: Sendable {
    var totalBytes: Reading<Int>
    var freeBytes: Reading<Int>
    var availableBytes: Reading<Int>
    var inactiveFileBytes: Reading<Int>
    var shmemBytes: Reading<Int>
    var mlockedBytes: Reading<Int>
    var swapTotalBytes: Reading<Int>
    var swapFreeBytes: Reading<Int>
  }

  struct Node: Sendable {
    var osIndex: Int
    var cpus: Reading<String>
    var totalBytes: Reading<Int>
    var freeBytes: Reading<Int>
    var inactiveFileBytes: Reading<Int>
    /// SLIT distances to every node, in the order of the nodes; 10 is local.
    var distances: Reading<[Int]>
  }

  struct CgroupLevel: Sendable {
    var path: String
    /// Some limit can bind here, so that the usage is read at every look.
    var isBinding: Bool
    /// nil: the kernel states that there is no limit here.
    var limitBytes: Reading<Int?>
    /// Above it the kernel slows the processes down; unsupported where there is none.
    var highBytes: Reading<Int>
    var usageBytes: Reading<Int>
    var inactiveFileBytes: Reading<Int>
    var swapUsageBytes: Reading<Int>
  }

  struct Cgroup: Sendable {
    /// "v1", "v2" or "none".
    var version: String
    var hybrid: Bool
    /// From the process's own cgroup up to the root of the mount.
    var levels: [CgroupLevel]
    /// Limit of a cgroup above those, which this process feels and cannot see.
    var hiddenLimitBytes: Reading<Int>
    var cpus: Reading<String>
    var nodes: Reading<String>
  }

  /// Lists of CPUs and nodes that were understood; nil for one that could not be read. They change with a new opening
  /// only, so that nothing is parsed at each look.
  struct Lists: Sendable {
    var nodesAllowed: IDList?
    var nodesOnline: IDList?
    /// CPUs of each node that this process may use, in the order of the nodes.
    var usableCPUs: [[Int]]
  }

  var lists = Lists(nodesAllowed: nil, nodesOnline: nil, usableCPUs: [])
  var memoryPressure: Pressure
  var cpuPressure: Pressure
  var ioPressure: Pressure
  var memory: Memory
  var nodes: [Node]
  var nodesTruncated: Bool
  var cgroup: Cgroup
  var cpusAllowed: Reading<String>
  var nodesAllowed: Reading<String>
  var cpusOnline: Reading<String>
  var nodesOnline: Reading<String>
  var nodesPossible: Reading<String>
  var numaBalancing: Reading<String>
  var memoryPolicySettable: Reading<Bool>
}
