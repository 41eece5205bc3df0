/// Texts of the kernel's files, made for these tests.
enum Fixtures {
  static let pressure = """
    some avg10=1.25 avg60=0.40 avg300=0.07 total=123456
    full avg10=0.50 avg60=0.00 avg300=0.00 total=789

    """

  static let meminfo = """
    MemTotal:       16384000 kB
    MemFree:         4096000 kB
    MemAvailable:    8192000 kB
    Inactive(file):  2048000 kB
    Mlocked:              64 kB
    SwapTotal:       1024000 kB
    SwapFree:         512000 kB
    Shmem:            100000 kB

    """

  static func node(_ index: Int, totalKB: Int, freeKB: Int) -> String {
    """
    Node \(index) MemTotal:       \(totalKB) kB
    Node \(index) MemFree:        \(freeKB) kB
    Node \(index) Inactive(file): 1000 kB

    """
  }

  static let status = """
    Name:\tcoxswain
    Cpus_allowed:\tff
    Cpus_allowed_list:\t0-3,8
    Mems_allowed_list:\t0,8

    """

  /// Two nodes whose numbers have a gap, the second without CPUs.
  static var machine: [String: String] {
    [
      "proc/pressure/memory": pressure, "proc/pressure/cpu": pressure, "proc/pressure/io": pressure,
      "proc/meminfo": meminfo, "proc/self/status": status, "proc/sys/kernel/numa_balancing": "1\n",
      "sys/devices/system/cpu/online": "0-7\n", "sys/devices/system/node/online": "0,8\n",
      "sys/devices/system/node/possible": "0-8\n",
      "sys/devices/system/node/node0/meminfo": node(0, totalKB: 10_000_000, freeKB: 3_000_000),
      "sys/devices/system/node/node0/cpulist": "0-7\n", "sys/devices/system/node/node0/distance": "10 40\n",
      "sys/devices/system/node/node8/meminfo": node(8, totalKB: 6_384_000, freeKB: 1_000_000),
      "sys/devices/system/node/node8/cpulist": "\n", "sys/devices/system/node/node8/distance": "40 10\n",
    ]
  }

  static let v2Mount = "30 24 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"
  static let v1MemoryMount =
    "33 30 0:29 / /sys/fs/cgroup/memory rw,nosuid shared:9 - cgroup cgroup rw,memory\n"
  static let v1CpusetMount =
    "34 30 0:30 / /sys/fs/cgroup/cpuset rw,nosuid shared:10 - cgroup cgroup rw,cpuset\n"
  static let hybridMount =
    "31 30 0:27 / /sys/fs/cgroup/unified rw,nosuid shared:5 - cgroup2 cgroup2 rw,nsdelegate\n"

  static func v2(_ path: String, limit: String, usage: Int, inactiveFile: Int, swap: Int = 0) -> [String: String] {
    let folder = "sys/fs/cgroup" + path
    return [
      folder + "/memory.max": limit + "\n", folder + "/memory.current": "\(usage)\n",
      folder + "/memory.stat": "anon 1\ninactive_file \(inactiveFile)\n", folder + "/memory.swap.current": "\(swap)\n",
    ]
  }

  static func v1(_ path: String, limit: String, usage: Int, inactiveFile: Int) -> [String: String] {
    let folder = "sys/fs/cgroup/memory" + path
    return [
      folder + "/memory.limit_in_bytes": limit + "\n", folder + "/memory.usage_in_bytes": "\(usage)\n",
      folder + "/memory.stat": "inactive_file 1\ntotal_inactive_file \(inactiveFile)\n",
    ]
  }

  static let unlimitedV1 = "9223372036854771712"
}

/// Later files win.
func + (a: [String: String], b: [String: String]) -> [String: String] { a.merging(b) { $1 } }
