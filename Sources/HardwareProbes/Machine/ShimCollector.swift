import CShim

#if canImport(Glibc)
  import Glibc
#endif

/// Kept descriptors of the kernel's files, read through the C shim. Belongs to one thread at a time.
final class ShimCollector {
  private let handle: OpaquePointer
  private let memoryPolicySettable: Reading<Bool>

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

  func collect() -> MachineReadings {
    cox_collect(handle)
    return MachineReadings(
      memoryPressure: pressure(COX_PSI_MEMORY), cpuPressure: pressure(COX_PSI_CPU),
      ioPressure: pressure(COX_PSI_IO),
      memory: memory(), nodes: (0..<cox_node_count(handle)).map(node),
      nodesTruncated: cox_nodes_truncated(handle),
      cgroup: cgroup(), cpusAllowed: text(COX_TEXT_CPUS_ALLOWED),
      nodesAllowed: text(COX_TEXT_NODES_ALLOWED),
      cpusOnline: text(COX_TEXT_CPUS_ONLINE), nodesOnline: text(COX_TEXT_NODES_ONLINE),
      nodesPossible: text(COX_TEXT_NODES_POSSIBLE), numaBalancing: text(COX_TEXT_NUMA_BALANCING),
      memoryPolicySettable: memoryPolicySettable)
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
    let node = cox_node_at(handle, index)
    return .init(
      osIndex: Int(node.os_index), cpus: Reading(cox_node_cpus_at(handle, index)),
      totalBytes: Reading(node.total_bytes), freeBytes: Reading(node.free_bytes),
      inactiveFileBytes: Reading(node.inactive_file_bytes), distances: distances(from: index))
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
      levels: (0..<cox_cgroup_level_count(handle)).map(level), cpus: text(COX_TEXT_CGROUP_CPUS),
      nodes: text(COX_TEXT_CGROUP_NODES))
  }

  private func level(_ index: Int) -> MachineReadings.CgroupLevel {
    let level = cox_cgroup_level_at(handle, index)
    let limit = Reading<Int>(level.limit_bytes)
    return .init(
      path: String(cString: cox_cgroup_path_at(handle, index).text),
      limitBytes: limit.map { level.limited ? $0 : nil }, usageBytes: Reading(level.usage_bytes),
      inactiveFileBytes: Reading(level.inactive_file_bytes),
      swapUsageBytes: Reading(level.swap_usage_bytes))
  }
}
