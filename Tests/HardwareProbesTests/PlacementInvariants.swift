import SchedulerCore
import Testing

/// What holds for every placement on every machine.
func checkInvariants(
  _ placement: NodePlacement, _ topology: MachineTopology, sourceLocation: SourceLocation = #_sourceLocation
) {
  let shared = placement.warnings.contains { $0.code == "cores_shared" }
  var used = IDList()
  for worker in placement.workers {
    #expect(worker.cpus.isSubset(of: topology.allowedCPUs), sourceLocation: sourceLocation)
    if let id = worker.numaNode {
      let node = topology.nodes.first { $0.osIndex == id }
      #expect(node.map { worker.cpus.isSubset(of: $0.cpus) } == true, sourceLocation: sourceLocation)
      #expect(!worker.cpus.isEmpty, "bound to node \(id) without CPUs", sourceLocation: sourceLocation)
    }
    if let id = worker.memoryNode {
      let node = topology.nodes.first { $0.osIndex == id }
      #expect(node?.isAllowed == true && node?.cpus.isEmpty == false, sourceLocation: sourceLocation)
      #expect(node?.kind != .gpu, sourceLocation: sourceLocation)
      let statesMemory = topology.nodes.contains { $0.memoryBytes > 0 }
      #expect(!statesMemory || (node?.memoryBytes ?? 0) > 0, "no memory", sourceLocation: sourceLocation)
    }
    for core in topology.cores where !core.cpus.intersection(worker.cpus).isEmpty {
      let usable = core.cpus.intersection(topology.allowedCPUs)
      #expect(usable.isSubset(of: worker.cpus), "a core is split", sourceLocation: sourceLocation)
    }
    let isBound = worker.numaNode != nil || worker.memoryNode != nil
    if !shared, isBound { #expect(used.intersection(worker.cpus).isEmpty, "shared", sourceLocation: sourceLocation) }
    if isBound { used = used.union(worker.cpus) }
    #expect(!worker.reasons.isEmpty, sourceLocation: sourceLocation)
  }
  #expect(placement.reservedCPUs.intersection(used).isEmpty, sourceLocation: sourceLocation)
}
