import SchedulerCore

/// Which GPUs the environment lets a CUDA program see.
public struct VisibleGPUs: Hashable, Sendable {
  /// CUDA_VISIBLE_DEVICES; nil if it is not set, which means all.
  public var list: String?
  /// CUDA_DEVICE_ORDER.
  public var order: String?

  public init(list: String?, order: String?) {
    self.list = list
    self.order = order
  }

  /// The GPUs in the list's order. As CUDA does, the list ends at the first entry that is no GPU.
  func resolve(_ gpus: [MachineTopology.Device]) -> (gpus: [MachineTopology.Device], notes: [String]) {
    guard let list else { return (gpus, []) }
    var found: [MachineTopology.Device] = []
    var notes: [String] = []
    for entry in list.split(separator: ",", omittingEmptySubsequences: false).map({ $0.filter { $0 != " " } }) {
      guard let gpu = try? GPUSelection.find(String(entry), in: gpus) else {
        if !list.isEmpty {
          notes.append("CUDA_VISIBLE_DEVICES: \"\(entry)\" is no GPU of this machine; the list ends there")
        }
        break
      }
      if Int(entry) != nil, order != "PCI_BUS_ID", !notes.contains(Self.orderNote) { notes.append(Self.orderNote) }
      if !found.contains(gpu) { found.append(gpu) }
    }
    return (found, notes)
  }

  private static let orderNote =
    "CUDA_VISIBLE_DEVICES counts in CUDA's own order unless CUDA_DEVICE_ORDER=PCI_BUS_ID; PCI order was taken. UUIDs "
    + "are safe."

  /// Makes a CUDA program see these GPUs in this order: by UUID, or by position where no driver tells UUIDs.
  static func environment(
    _ chosen: [MachineTopology.Device], among gpus: [MachineTopology.Device]
  ) -> [(name: String, value: String)] {
    let uuids = chosen.compactMap(\.uuid)
    if uuids.count == chosen.count { return [("CUDA_VISIBLE_DEVICES", uuids.joined(separator: ","))] }
    let positions = chosen.compactMap { gpus.firstIndex(of: $0) }.map(String.init)
    return [("CUDA_DEVICE_ORDER", "PCI_BUS_ID"), ("CUDA_VISIBLE_DEVICES", positions.joined(separator: ","))]
  }
}
