import CShim
import SchedulerCore

#if canImport(Glibc)
  import Glibc
#endif

/// Kept descriptors of the kernel's files, read through the C shim. Belongs to one thread at a time.
final class ShimCollector {
  private let handle: OpaquePointer
  private let memoryPolicySettable: Reading<Bool>
  /// The last look; each one renews a part of it.
  private lazy var latest = readAll()

  /// Opens the files below the roots. nil if memory is short or a root is too long; a missing file is a status.
  init?(procRoot: String, sysRoot: String) {
    guard let handle = cox_open(procRoot, sysRoot) else { return nil }
    self.handle = handle
    let settable = cox_memory_policy_settable()
    switch FigureStatus(shim: settable.status) {
    case .ok: memoryPolicySettable = .ok(true)
    // The answer to "may I?" is known when the kernel refuses.
    case .denied: memoryPolicySettable = .ok(false)
    case let status: memoryPolicySettable = .failed(status)
    }
  }

  deinit { cox_close(handle) }

  /// Reads everything, or what decisions hang on and what moves from one moment to the next.
  func look(isFull: Bool) { cox_collect(handle, isFull ? COX_LOOK_FULL : COX_LOOK_QUICK) }

  /// What the last look says about change.
  func glance(nowMs: Int) -> Glance {
    let memory = cox_meminfo_at(handle)
    var glance = Glance(
      nowMs: nowMs, someTotalUs: Reading(cox_psi_at(handle, COX_PSI_MEMORY).some.total_us),
      memoryBytes: Reading(memory.total_bytes), availableBytes: Reading(memory.available_bytes), usageBytes: [],
      leastLimitBytes: .max)
    for index in 0..<cox_cgroup_level_count(handle) {
      let level = cox_cgroup_level_at(handle, index)
      guard level.binding else { continue }
      glance.usageBytes.append(Reading(level.usage_bytes))
      if level.limited { glance.leastLimitBytes = min(glance.leastLimitBytes, Int(level.limit_bytes.value)) }
    }
    return glance
  }

  func collect() -> MachineReadings {
    look(isFull: true)
    return readings(isFull: true)
  }

  /// What the last look found; all else stands as the one before found it.
  func readings(isFull: Bool) -> MachineReadings {
    latest.memoryPressure = pressure(COX_PSI_MEMORY)
    latest.memory = memory()
    for index in latest.cgroup.levels.indices where isFull || latest.cgroup.levels[index].isBinding {
      refresh(&latest.cgroup.levels[index], index)
    }
    guard isFull else { return latest }
    latest.cpuPressure = pressure(COX_PSI_CPU)
    latest.ioPressure = pressure(COX_PSI_IO)
    for index in latest.nodes.indices { refresh(&latest.nodes[index], index) }
    return latest
  }

  private func readAll() -> MachineReadings {
    var readings = MachineReadings(
      memoryPressure: pressure(COX_PSI_MEMORY), cpuPressure: pressure(COX_PSI_CPU), ioPressure: pressure(COX_PSI_IO),
      memory: memory(), nodes: (0..<cox_node_count(handle)).map(node), nodesTruncated: cox_nodes_truncated(handle),
      cgroup: cgroup(), cpusAllowed: text(COX_TEXT_CPUS_ALLOWED), nodesAllowed: text(COX_TEXT_NODES_ALLOWED),
      cpusOnline: text(COX_TEXT_CPUS_ONLINE), nodesOnline: text(COX_TEXT_NODES_ONLINE),
      nodesPossible: text(COX_TEXT_NODES_POSSIBLE), numaBalancing: text(COX_TEXT_NUMA_BALANCING),
      memoryPolicySettable: memoryPolicySettable)
    func list(_ reading: Reading<String>) -> IDList? { reading.value.flatMap { IDList($0) } }
    let allowed = list(readings.cpusAllowed)
    readings.lists = .init(
      nodesAllowed: list(readings.nodesAllowed), nodesOnline: list(readings.nodesOnline),
      usableCPUs: readings.nodes.map { node in
        let cpus = list(node.cpus) ?? IDList()
        return allowed.map { cpus.intersection($0).ids } ?? cpus.ids
      })
    return readings
  }

  private func text(_ kind: cox_text_kind) -> Reading<String> { Reading(cox_text_at(handle, kind)) }

  private func pressure(_ kind: cox_psi_kind) -> MachineReadings.Pressure {
    let psi = cox_psi_at(handle, kind)
    return .init(some: Self.line(psi.some), full: Self.line(psi.full))
  }

  private static func line(_ line: cox_psi_line) -> MachineReadings.PressureLine {
    .init(
      avg10Centipercent: Reading(line.avg10_centipercent),
      avg60Centipercent: Reading(line.avg60_centipercent),
      avg300Centipercent: Reading(line.avg300_centipercent), totalUs: Reading(line.total_us))
  }

  private func memory() -> MachineReadings.Memory {
    let info = cox_meminfo_at(handle)
    return .init(
      totalBytes: Reading(info.total_bytes), freeBytes: Reading(info.free_bytes),
      availableBytes: Reading(info.available_bytes),
      inactiveFileBytes: Reading(info.inactive_file_bytes),
      shmemBytes: Reading(info.shmem_bytes), mlockedBytes: Reading(info.mlocked_bytes),
      swapTotalBytes: Reading(info.swap_total_bytes), swapFreeBytes: Reading(info.swap_free_bytes))
  }

  private func node(_ index: Int) -> MachineReadings.Node {
    var node = MachineReadings.Node(
      osIndex: Int(cox_node_at(handle, index).os_index), cpus: Reading(cox_node_cpus_at(handle, index)),
      totalBytes: .unsupported, freeBytes: .unsupported, inactiveFileBytes: .unsupported,
      distances: distances(from: index))
    refresh(&node, index)
    return node
  }

  private func refresh(_ node: inout MachineReadings.Node, _ index: Int) {
    let figures = cox_node_at(handle, index)
    node.totalBytes = Reading(figures.total_bytes)
    node.freeBytes = Reading(figures.free_bytes)
    node.inactiveFileBytes = Reading(figures.inactive_file_bytes)
  }

  private func distances(from index: Int) -> Reading<[Int]> {
    var row: [Int] = []
    for other in 0..<cox_node_count(handle) {
      let distance = Reading<Int>(cox_distance_at(handle, index, other))
      guard let value = distance.value else { return .failed(distance.status) }
      row.append(value)
    }
    return .ok(row)
  }

  private func cgroup() -> MachineReadings.Cgroup {
    let versions: [UInt32: String] = [COX_CGROUP_V1.rawValue: "v1", COX_CGROUP_V2.rawValue: "v2"]
    return .init(
      version: versions[cox_cgroup_memory_version(handle).rawValue] ?? "none",
      hybrid: cox_cgroup_hybrid(handle),
      levels: (0..<cox_cgroup_level_count(handle)).map(level),
      hiddenLimitBytes: Reading(cox_cgroup_hidden_limit(handle)), cpus: text(COX_TEXT_CGROUP_CPUS),
      nodes: text(COX_TEXT_CGROUP_NODES))
  }

  private func level(_ index: Int) -> MachineReadings.CgroupLevel {
    var level = MachineReadings.CgroupLevel(
      path: String(cString: cox_cgroup_path_at(handle, index).text), isBinding: false, limitBytes: .unsupported,
      highBytes: .unsupported, usageBytes: .unsupported, inactiveFileBytes: .unsupported, swapUsageBytes: .unsupported)
    refresh(&level, index)
    return level
  }

  private func refresh(_ level: inout MachineReadings.CgroupLevel, _ index: Int) {
    let figures = cox_cgroup_level_at(handle, index)
    let limit = Reading<Int>(figures.limit_bytes)
    level.isBinding = figures.binding
    level.limitBytes = limit.map { figures.limited ? $0 : nil }
    level.highBytes = Reading(figures.high_bytes)
    level.usageBytes = Reading(figures.usage_bytes)
    level.inactiveFileBytes = Reading(figures.inactive_file_bytes)
    level.swapUsageBytes = Reading(figures.swap_usage_bytes)
  }
}
