import SchedulerCore

/// Decides when the core's snapshot is news: values that move all the time are compared in steps, so that neither the
/// generation nor the plans flap.
struct SteeringValues {
  /// Headroom counts as changed when it moved by one part in so many of the machine's memory.
  static let headroomParts = 64
  /// Pressure counts as changed when it moved by this much.
  static let pressureStepCentipercent = 50

  private(set) var published = ResourceSnapshot.unknown

  /// The snapshot to publish for these readings; the nodes of a look that was not full are those of the one before.
  mutating func update(
    _ readings: MachineReadings, headroom: Headroom, level: MemoryPressureLevel = .none, isFull: Bool = true,
    calibration: Calibration? = nil
  ) -> ResourceSnapshot {
    let step = max(1, (readings.memory.totalBytes.value ?? 0) / Self.headroomParts)
    let isCalm =
      published.generation > 0 && published.memoryLevel == level
      && Self.isSame(published.memoryHeadroomBytes, Self.leaf(headroom.bytes), step: step)
      && Self.isSame(
        published.memoryPressureCentipercent, Self.leaf(readings.memoryPressure.some.avg10Centipercent),
        step: Self.pressureStepCentipercent)
    if isCalm, !isFull { return published }
    var next = Self.snapshot(readings, headroom)
    next.memoryLevel = level
    next.hostLinkBytesPerS = calibration?.hostLinkBytesPerS
    next.diskBytesPerS = calibration?.diskBytesPerS
    if isCalm, published.hostLinkBytesPerS == next.hostLinkBytesPerS, published.diskBytesPerS == next.diskBytesPerS,
      Self.isSame(published.numaNodes, next.numaNodes, step: step)
    {
      return published
    }
    let generation = published.generation + 1
    published = next
    published.generation = generation
    return published
  }

  private static func isSame(
    _ old: [ResourceSnapshot.NUMANode], _ new: [ResourceSnapshot.NUMANode], step: Int
  ) -> Bool {
    old.count == new.count
      && zip(old, new).allSatisfy { old, new in
        old.osIndex == new.osIndex && old.cpus == new.cpus
          && isSame(old.totalBytes, new.totalBytes, step: 1)
          && isSame(old.freeBytes, new.freeBytes, step: step)
      }
  }

  private static func isSame(_ old: Leaf<Int>, _ new: Leaf<Int>, step: Int) -> Bool {
    guard old.status == new.status else { return false }
    guard let old = old.value, let new = new.value else { return old.value == new.value }
    return abs(new - old) < step
  }

  private static func snapshot(_ readings: MachineReadings, _ headroom: Headroom)
    -> ResourceSnapshot
  {
    let lists = readings.lists
    var nodes: [ResourceSnapshot.NUMANode] = []
    for (node, cpus) in zip(readings.nodes, lists.usableCPUs)
    where lists.nodesAllowed?.contains(node.osIndex) ?? true {
      nodes.append(
        .init(osIndex: node.osIndex, cpus: cpus, totalBytes: leaf(node.totalBytes), freeBytes: leaf(node.freeBytes)))
    }
    return ResourceSnapshot(
      generation: 0, memoryHeadroomBytes: leaf(headroom.bytes),
      memoryPressureCentipercent: leaf(readings.memoryPressure.some.avg10Centipercent), numaNodes: nodes)
  }

  private static func leaf(_ reading: Reading<Int>) -> Leaf<Int> {
    Leaf(value: reading.value, status: reading.status, ageMs: reading.value == nil ? nil : 0)
  }
}
