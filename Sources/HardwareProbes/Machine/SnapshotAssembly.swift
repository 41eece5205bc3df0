import SchedulerCore
import WireProtocol

/// Turns readings into the tree of the snapshot document (Schemas/snapshot-v1.json).
struct SnapshotAssembly: Sendable {
  /// When the figures that change by themselves were read.
  var nowMs: Int
  /// When the collector was opened: what hardly changes was read then.
  var openedMs: Int
  var limits: MonitorLimits

  func tree(
    _ readings: MachineReadings, headroom: Headroom, generation: UInt64, level: MemoryPressureLevel?,
    helper: MachineSnapshot.HelperTrees
  ) -> SnapshotTree {
    .object([
      .init("generation", fast(.ok(generation)) { JSONValue($0) }), .init("cpu", cpu(readings)),
      .init("memory", memory(readings, headroom, level)),
      .init("io", .object([.init("pressure", pressure(readings.ioPressure))])),
      .init("disk", helper.disk), .init("cgroup", cgroup(readings.cgroup, headroom)), .init("numa", numa(readings)),
      .init("gpu", helper.gpus), .init("topology", helper.topology),
    ])
  }

  private func cpu(_ readings: MachineReadings) -> SnapshotTree {
    .object([
      .init("online", slow(readings.cpusOnline)), .init("allowed", slow(readings.cpusAllowed)),
      .init("cgroup", slow(readings.cgroup.cpus)),
      .init("pressure", pressure(readings.cpuPressure)),
    ])
  }

  private func memory(_ readings: MachineReadings, _ headroom: Headroom, _ level: MemoryPressureLevel?) -> SnapshotTree
  {
    let memory = readings.memory
    return .object([
      .init("total_bytes", fast(memory.totalBytes)), .init("free_bytes", fast(memory.freeBytes)),
      .init("available_bytes", fast(memory.availableBytes)),
      .init("inactive_file_bytes", fast(memory.inactiveFileBytes)),
      .init("shmem_bytes", fast(memory.shmemBytes)),
      .init("mlocked_bytes", fast(memory.mlockedBytes)),
      .init("swap_total_bytes", fast(memory.swapTotalBytes)),
      .init("swap_free_bytes", fast(memory.swapFreeBytes)),
      .init("headroom_bytes", fast(headroom.bytes)),
      .init("level", fast(level.map { .ok($0.rawValue) } ?? .unsupported) { .string($0) }),
      .init("pressure", pressure(readings.memoryPressure)),
    ])
  }

  private func pressure(_ pressure: MachineReadings.Pressure) -> SnapshotTree {
    .object([.init("some", line(pressure.some)), .init("full", line(pressure.full))])
  }

  private func line(_ line: MachineReadings.PressureLine) -> SnapshotTree {
    func percent(_ reading: Reading<Int>) -> SnapshotTree {
      fast(reading) { .number(Double($0) / 100) }
    }
    return .object([
      .init("avg10_percent", percent(line.avg10Centipercent)),
      .init("avg60_percent", percent(line.avg60Centipercent)),
      .init("avg300_percent", percent(line.avg300Centipercent)),
      .init("total_us", fast(line.totalUs)),
    ])
  }

  private func cgroup(_ cgroup: MachineReadings.Cgroup, _ headroom: Headroom) -> SnapshotTree {
    let levels = cgroup.levels.indices.map { index in
      level(
        cgroup.levels[index], room: headroom.levels[index],
        isTightest: headroom.tightestLevel == index)
    }
    let tightest = headroom.tightestLevel.map { headroom.levels[$0] } ?? .unsupported
    return .object([
      .init("version", slow(.ok(cgroup.version))),
      .init("hybrid", slow(.ok(cgroup.hybrid)) { .bool($0) }),
      .init("headroom_bytes", fast(tightest)),
      .init("hidden_limit_bytes", slow(cgroup.hiddenLimitBytes) { JSONValue($0) }),
      .init("nodes", slow(cgroup.nodes)),
      .init("levels", .array(levels)),
    ])
  }

  private func level(_ level: MachineReadings.CgroupLevel, room: Reading<Int>, isTightest: Bool)
    -> SnapshotTree
  {
    let limit: Reading<Int>
    if let stated = level.limitBytes.value {
      limit = stated.map { .ok($0) } ?? .unsupported
    } else {
      limit = .failed(level.limitBytes.status)
    }
    return .object([
      .init("path", slow(.ok(level.path))),
      .init("limited", fast(level.limitBytes) { .bool($0 != nil) }),
      .init("limit_bytes", fast(limit)), .init("high_bytes", fast(level.highBytes)),
      .init("usage_bytes", fast(level.usageBytes)),
      .init("inactive_file_bytes", fast(level.inactiveFileBytes)),
      .init("swap_usage_bytes", fast(level.swapUsageBytes)), .init("headroom_bytes", fast(room)),
      .init("tightest", fast(.ok(isTightest)) { .bool($0) }),
    ])
  }

  private func numa(_ readings: MachineReadings) -> SnapshotTree {
    let allowed = readings.lists.nodesAllowed
    return .object([
      .init("online", slow(readings.nodesOnline)), .init("allowed", slow(readings.nodesAllowed)),
      .init("possible", slow(readings.nodesPossible)),
      .init("truncated", slow(.ok(readings.nodesTruncated)) { .bool($0) }),
      .init("balancing", slow(readings.numaBalancing) { .bool($0 != "0") }),
      .init("memory_policy_settable", slow(readings.memoryPolicySettable) { .bool($0) }),
      .init("nodes", .array(readings.nodes.map { node($0, allowed: allowed) })),
    ])
  }

  private func node(_ node: MachineReadings.Node, allowed: IDList?) -> SnapshotTree {
    let isAllowed = allowed.map { Reading.ok($0.contains(node.osIndex)) } ?? .unsupported
    return .object([
      .init("os_index", slow(.ok(node.osIndex)) { JSONValue($0) }), .init("cpus", slow(node.cpus)),
      .init("allowed", slow(isAllowed) { .bool($0) }), .init("total_bytes", fast(node.totalBytes)),
      .init("free_bytes", fast(node.freeBytes)),
      .init("inactive_file_bytes", fast(node.inactiveFileBytes)),
      .init("distances", slow(node.distances) { .array($0.map { JSONValue($0) }) }),
    ])
  }

  // MARK: - Leaves

  private func fast(_ reading: Reading<Int>) -> SnapshotTree { fast(reading) { JSONValue($0) } }

  private func slow(_ reading: Reading<String>) -> SnapshotTree { slow(reading) { .string($0) } }

  private func fast<Value>(_ reading: Reading<Value>, _ json: (Value) -> JSONValue) -> SnapshotTree {
    leaf(
      reading, readMs: nowMs, staleAfterMs: limits.collectIntervalMs * limits.missedBeforeStale,
      json)
  }

  private func slow<Value>(_ reading: Reading<Value>, _ json: (Value) -> JSONValue) -> SnapshotTree {
    leaf(
      reading, readMs: openedMs, staleAfterMs: limits.reopenIntervalMs * limits.missedBeforeStale,
      json)
  }

  private func leaf<Value>(
    _ reading: Reading<Value>, readMs: Int, staleAfterMs: Int, _ json: (Value) -> JSONValue
  ) -> SnapshotTree {
    let value = reading.value.map(json)
    return .leaf(
      Figure(
        value: value, status: reading.status, readMs: value == nil ? nil : readMs,
        staleAfterMs: staleAfterMs))
  }
}
