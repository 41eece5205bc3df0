import SchedulerCore
import WireProtocol

/// Turns readings into the tree of the snapshot document (Schemas/snapshot-v1.json).
struct SnapshotAssembly: Sendable {
  /// When the figures on which decisions hang were read.
  var nowMs: Int
  /// When all others that change by themselves were read.
  var fullMs: Int
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
      .init("io", .object([.init("pressure", pressure(readings.ioPressure, readMs: fullMs))])),
      .init("disk", helper.disk), .init("cgroup", cgroup(readings.cgroup, headroom)), .init("numa", numa(readings)),
      .init("gpu", helper.gpus), .init("topology", helper.topology),
    ])
  }

  private func cpu(_ readings: MachineReadings) -> SnapshotTree {
    .object([
      .init("online", slow(readings.cpusOnline)), .init("allowed", slow(readings.cpusAllowed)),
      .init("cgroup", slow(readings.cgroup.cpus)),
      .init("pressure", pressure(readings.cpuPressure, readMs: fullMs)),
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
      .init("headroom_bytes", moving(headroom.bytes, readMs: headroomMs(headroom)) { JSONValue($0) }),
      .init("level", fast(level.map { .ok($0.rawValue) } ?? .unsupported) { .string($0) }),
      .init("pressure", pressure(readings.memoryPressure, readMs: nowMs)),
    ])
  }

  private func pressure(_ pressure: MachineReadings.Pressure, readMs: Int) -> SnapshotTree {
    .object([.init("some", line(pressure.some, readMs)), .init("full", line(pressure.full, readMs))])
  }

  private func line(_ line: MachineReadings.PressureLine, _ readMs: Int) -> SnapshotTree {
    func percent(_ reading: Reading<Int>) -> SnapshotTree {
      moving(reading, readMs: readMs) { .number(Double($0) / 100) }
    }
    return .object([
      .init("avg10_percent", percent(line.avg10Centipercent)),
      .init("avg60_percent", percent(line.avg60Centipercent)),
      .init("avg300_percent", percent(line.avg300Centipercent)),
      .init("total_us", moving(line.totalUs, readMs: readMs) { JSONValue($0) }),
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
      .init("headroom_bytes", full(tightest)),
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
      .init("limited", moving(level.limitBytes, readMs: fullMs) { .bool($0 != nil) }),
      .init("limit_bytes", full(limit)), .init("high_bytes", full(level.highBytes)),
      .init("usage_bytes", level.isBinding ? fast(level.usageBytes) : full(level.usageBytes)),
      .init("inactive_file_bytes", full(level.inactiveFileBytes)),
      .init("swap_usage_bytes", full(level.swapUsageBytes)), .init("headroom_bytes", full(room)),
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
      .init("allowed", slow(isAllowed) { .bool($0) }), .init("total_bytes", full(node.totalBytes)),
      .init("free_bytes", full(node.freeBytes)),
      .init("inactive_file_bytes", full(node.inactiveFileBytes)),
      .init("distances", slow(node.distances) { .array($0.map { JSONValue($0) }) }),
    ])
  }

  // MARK: - Leaves

  private func fast(_ reading: Reading<Int>) -> SnapshotTree { fast(reading) { JSONValue($0) } }

  private func slow(_ reading: Reading<String>) -> SnapshotTree { slow(reading) { .string($0) } }

  private func full(_ reading: Reading<Int>) -> SnapshotTree { moving(reading, readMs: fullMs) { JSONValue($0) } }

  private func fast<Value>(_ reading: Reading<Value>, _ json: (Value) -> JSONValue) -> SnapshotTree {
    moving(reading, readMs: nowMs, json)
  }

  /// A figure that changes by itself. Looks without news are not published: it may be as old as the last at everything.
  private func moving<Value>(
    _ reading: Reading<Value>, readMs: Int, _ json: (Value) -> JSONValue
  ) -> SnapshotTree {
    let interval = max(limits.collectIntervalMs, limits.fullLookIntervalMs)
    return leaf(reading, readMs: readMs, staleAfterMs: interval * limits.missedBeforeStale, json)
  }

  /// As old as the oldest figure that it was made of.
  private func headroomMs(_ headroom: Headroom) -> Int {
    headroom.nodesBytes.value == nil && headroom.tightestLevel == nil ? nowMs : fullMs
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
