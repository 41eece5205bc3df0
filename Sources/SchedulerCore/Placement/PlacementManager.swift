/// Where one engine's host side should run, from the machine's NUMA nodes. A new generation whenever the answer
/// changes.
struct PlacementManager: Codable, Sendable {
  private var current: PlacementPlan?
  private var snapshotGeneration: UInt64?
  private var isNews = false

  /// Looks at the snapshot if it is a new one. Returns the plan if the engine does not have it yet.
  mutating func takeNews(_ snapshot: ResourceSnapshot) -> PlacementPlan? {
    if snapshotGeneration != snapshot.generation {
      snapshotGeneration = snapshot.generation
      revise(snapshot)
    }
    guard isNews else { return nil }
    isNews = false
    return current
  }

  /// A plan that never arrived told nobody.
  mutating func newsWasLost() { isNews = current != nil }

  private mutating func revise(_ snapshot: ResourceSnapshot) {
    let next = Self.place(snapshot)
    if let current, current.cpus == next.cpus, current.numaNode == next.numaNode, current.memoryNode == next.memoryNode
    {
      return
    }
    current = next
    current?.generation = snapshot.generation
    isNews = true
  }

  private static func place(_ snapshot: ResourceSnapshot) -> PlacementPlan {
    var plan = PlacementPlan(generation: 0, cpus: [], numaNode: nil, memoryNode: nil, reasons: [])
    let nodes = snapshot.numaNodes.filter { !$0.cpus.isEmpty }
    guard nodes.count > 1 else {
      plan.reasons = [nodes.isEmpty ? .topologyUnknown : .singleNode(nodes: nodes.count)]
      return plan
    }
    // Strictly more memory wins; on a tie the lower node number stays, so that the answer does not flap.
    var best = nodes[0]
    for node in nodes.dropFirst() where (node.totalBytes.value ?? 0) > (best.totalBytes.value ?? 0) { best = node }
    plan.cpus = best.cpus
    plan.numaNode = best.osIndex
    plan.memoryNode = best.osIndex
    plan.reasons = [.mostMemory(bytes: best.totalBytes.value ?? 0)]
    return plan
  }
}
