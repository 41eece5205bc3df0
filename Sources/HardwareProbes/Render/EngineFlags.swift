import SchedulerCore

/// Flags with which engines that bind themselves do what a placement says.
public enum EngineFlags: String, CaseIterable, Sendable {
  case vllm, sglang

  /// The flags, or why there are none.
  public func text(_ placement: NodePlacement) -> Result<String, NodePlacementReason> {
    let workers = placement.workers
    guard !workers.isEmpty else { return .failure(.noGPUs) }
    if let lost = workers.first(where: { $0.numaNode == nil && $0.memoryNode == nil }) {
      return .failure(.localityUnknown(busID: lost.busID ?? "the GPU"))
    }
    // One entry for each worker, in the order of its GPUs.
    switch self {
    case .vllm:
      let nodes = Self.list(workers) { $0.memoryNode ?? $0.numaNode }
      let cpus = workers.map(\.cpus.description).joined(separator: " ")
      return .success("--numa-bind --numa-bind-nodes \(nodes) --numa-bind-cpus \(cpus)")
    case .sglang: return .success("--numa-node " + Self.list(workers) { $0.numaNode ?? $0.memoryNode })
    }
  }

  /// What must be set beside the flags: engines count the GPUs that they see, so that these must be the workers', in
  /// their order. nil where that is so without it.
  public static func environment(_ placement: NodePlacement, among gpus: [MachineTopology.Device]) -> String? {
    let chosen = placement.workers.compactMap(\.gpu)
    guard chosen != Array(gpus.indices), chosen.allSatisfy(gpus.indices.contains) else { return nil }
    return VisibleGPUs.environment(chosen.map { gpus[$0] }, among: gpus).map { "\($0.name)=\($0.value)" }
      .joined(separator: " ")
  }

  private static func list(
    _ workers: [NodePlacement.Worker], _ node: (NodePlacement.Worker) -> Int?
  ) -> String {
    workers.compactMap(node).map(String.init).joined(separator: " ")
  }
}
