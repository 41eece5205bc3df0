import SchedulerCore

/// What `coxswain launch` applies to a process before it becomes the model server.
public struct LaunchPlan: Hashable, Sendable {
  /// GPUs that the server will use, in its order.
  public var gpus: [MachineTopology.Device]
  /// Empty: CPUs are left as they are.
  public var cpus: IDList
  /// nil: memory is left as it is.
  public var memoryNode: Int?
  /// Only that node, instead of that node first.
  public var isMemoryStrict: Bool
  /// Variables that make the engine use these GPUs whatever their order.
  public var environment: [(name: String, value: String)]
  public var notes: [String]

  public static func == (a: LaunchPlan, b: LaunchPlan) -> Bool {
    a.gpus == b.gpus && a.cpus == b.cpus && a.memoryNode == b.memoryNode && a.isMemoryStrict == b.isMemoryStrict
      && a.notes == b.notes
      && a.environment.elementsEqual(b.environment) { $0.name == $1.name && $0.value == $1.value }
  }

  public func hash(into hasher: inout Hasher) {
    hasher.combine(gpus)
    hasher.combine(cpus)
    hasher.combine(memoryNode)
  }

  /// Pure: the machine, what this process may use, and what was asked for.
  /// - Throws: `GPUSelection.Unknown` for a GPU that the machine does not have.
  public static func make(
    _ topology: MachineTopology, gpus names: [String], visible: VisibleGPUs, isMemoryStrict: Bool,
    freeBytes: [Int: Int], isBalanced: Bool = false
  ) throws(GPUSelection.Unknown) -> LaunchPlan {
    var chosen: [MachineTopology.Device] = []
    var notes: [String] = []
    var parts: [String?] = []
    if names.isEmpty {
      (chosen, notes) = visible.resolve(topology.gpus)
    } else {
      for name in names {
        let gpu = try GPUSelection.find(name, in: topology.gpus)
        let part = name.hasPrefix("MIG-") ? name : nil
        // A runtime that finds one twice in its list ends the list there.
        guard !zip(chosen, parts).contains(where: { $0 == gpu && $1 == part }) else { continue }
        chosen.append(gpu)
        parts.append(part)
      }
    }
    var plan = LaunchPlan(
      gpus: [], cpus: IDList(), memoryNode: nil, isMemoryStrict: isMemoryStrict, environment: [], notes: notes)
    // Parts of one GPU are near to the same place.
    for gpu in chosen where !plan.gpus.contains(gpu) { plan.gpus.append(gpu) }
    if !names.isEmpty { plan.environment = VisibleGPUs.environment(chosen, among: topology.gpus, names: parts) }
    guard !chosen.isEmpty else {
      plan.notes.append("no GPU to be near to: nothing is bound")
      return plan
    }
    plan.bind(topology, freeBytes)
    if isBalanced, plan.memoryNode != nil {
      plan.notes.append(
        "the kernel balances NUMA memory by itself and may move pages (kernel.numa_balancing=0 stops it)")
    }
    return plan
  }

  /// One process for all its GPUs: the CPUs near any of them, and their memory node if they share one.
  private mutating func bind(_ topology: MachineTopology, _ freeBytes: [Int: Int]) {
    let request = NodePlacementRequest(gpus: gpus.map(\.busID), freeBytes: freeBytes)
    let placement = NodePlacer.place(topology, request)
    notes += placement.warnings.map(\.description)
    guard !placement.workers.contains(where: { $0.numaNode == nil && $0.memoryNode == nil }) else {
      notes.append("not every GPU has a known place: nothing is bound")
      return
    }
    cpus = placement.workers.reduce(IDList()) { $0.union($1.cpus) }
    guard placement.isGainExpected else {
      notes.append(NodePlacementReason.singleNode.description)
      return
    }
    let nodes = Set(placement.workers.compactMap(\.memoryNode))
    if nodes.count == 1 {
      memoryNode = nodes.first
    } else {
      notes.append(
        "the GPUs are near different nodes: memory follows each thread; give each worker its own launch, or let the "
          + "engine bind its workers (coxswain place --for)")
    }
  }
}
