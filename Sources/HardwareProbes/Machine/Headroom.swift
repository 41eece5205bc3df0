import SchedulerCore

/// How much memory this process may still take: from the machine, from each node, and from each cgroup above it.
/// Page cache that the kernel drops before it kills counts as free.
struct Headroom: Sendable {
  /// Room below each cgroup's limit, hard or high, in the order of the levels; unsupported where there is none. A limit
  /// above what can be seen counts at the topmost level.
  var levels: [Reading<Int>]
  /// Index of the level with the least room.
  var tightestLevel: Int?
  /// Room on the nodes that the process may allocate on; unsupported if it may on all.
  var nodesBytes: Reading<Int>
  /// The least of all.
  var bytes: Reading<Int>
  /// The limit that the least is counted from: the cgroup's, the allowed nodes', or the machine's memory.
  var capacityBytes: Int?

  init(_ readings: MachineReadings) {
    let cgroup = readings.cgroup
    let levels = cgroup.levels.indices.map { Self.room(cgroup, at: $0) }
    self.levels = levels
    tightestLevel = levels.indices.filter { levels[$0].value != nil }
      .min { (levels[$0].value ?? .max) < (levels[$1].value ?? .max) }
    nodesBytes = Self.nodesRoom(readings)
    // A level that should have a limit and cannot be read leaves the answer unknown: guessing high ends in a kill.
    capacityBytes = nil
    if let broken = levels.first(where: { $0.status == .lost || $0.status == .denied }) {
      bytes = .failed(broken.status)
      return
    }
    let parts = [readings.memory.availableBytes, nodesBytes] + levels
    let known = parts.compactMap(\.value)
    if let least = known.min(),
      readings.memory.availableBytes.value != nil || nodesBytes.value != nil
    {
      bytes = .ok(least)
      capacityBytes = Self.capacity(readings, levels, least: least, onNodes: nodesBytes.value)
    } else {
      bytes = .failed(
        readings.memory.availableBytes.status == .ok ? .lost : readings.memory.availableBytes.status
      )
    }
  }

  private static func capacity(
    _ readings: MachineReadings, _ levels: [Reading<Int>], least: Int, onNodes: Int?
  ) -> Int? {
    if let index = levels.firstIndex(where: { $0.value == least }) {
      return limit(readings.cgroup, at: index)
    }
    guard least == onNodes, least != readings.memory.availableBytes.value,
      let allowed = readings.lists.nodesAllowed
    else { return readings.memory.totalBytes.value }
    return readings.nodes.filter { allowed.contains($0.osIndex) }.reduce(0) { $0 + ($1.totalBytes.value ?? 0) }
  }

  /// The least limit that binds a level; nil without one.
  private static func limit(_ cgroup: MachineReadings.Cgroup, at index: Int) -> Int? {
    let level = cgroup.levels[index]
    let isTop = index == cgroup.levels.count - 1
    let limits = [level.limitBytes.value ?? nil, level.highBytes.value, isTop ? cgroup.hiddenLimitBytes.value : nil]
    return limits.compactMap { $0 }.min()
  }

  private static func room(_ cgroup: MachineReadings.Cgroup, at index: Int) -> Reading<Int> {
    let level = cgroup.levels[index]
    guard level.limitBytes.value != nil else { return .failed(level.limitBytes.status) }
    if level.highBytes.status == .lost || level.highBytes.status == .denied { return .failed(level.highBytes.status) }
    guard let limit = limit(cgroup, at: index) else { return .unsupported }
    guard let usage = level.usageBytes.value else { return .failed(level.usageBytes.status) }
    let droppable = min(level.inactiveFileBytes.value ?? 0, usage)
    return .ok(max(0, limit - (usage - droppable)))
  }

  private static func nodesRoom(_ readings: MachineReadings) -> Reading<Int> {
    guard let allowed = readings.lists.nodesAllowed else {
      return .failed(readings.nodesAllowed.status == .ok ? .lost : readings.nodesAllowed.status)
    }
    // Nodes bind only a process that is kept off some of them; else they are the machine, whose own figure knows more
    // (a virtual machine's balloon is taken out of the nodes but counts as available).
    if let online = readings.lists.nodesOnline, online.isSubset(of: allowed) {
      return .unsupported
    }
    var sum = 0
    var any = false
    for node in readings.nodes where allowed.contains(node.osIndex) {
      guard let free = node.freeBytes.value else { return .failed(node.freeBytes.status) }
      sum += free + (node.inactiveFileBytes.value ?? 0)
      any = true
    }
    return any ? .ok(sum) : .unsupported
  }
}
