import SchedulerCore

/// Which GPUs the environment lets a program see: CUDA's variables, and those of AMD's runtimes.
public struct VisibleGPUs: Hashable, Sendable {
  /// CUDA_VISIBLE_DEVICES; nil if it is not set, which means all.
  public var list: String?
  /// CUDA_DEVICE_ORDER.
  public var order: String?
  /// ROCR_VISIBLE_DEVICES, for all programs on AMD's runtime.
  public var rocr: String?
  /// HIP_VISIBLE_DEVICES, which counts among the GPUs that are left by that.
  public var hip: String?

  public init(list: String? = nil, order: String? = nil, rocr: String? = nil, hip: String? = nil) {
    self.list = list
    self.order = order
    self.rocr = rocr
    self.hip = hip
  }

  /// Every name in the lists that is no position: whether it is known decides if the driver must be asked.
  public var names: [String] {
    [list, rocr, hip].compactMap { $0 }.flatMap(Self.entries).filter { Int($0) == nil && !$0.isEmpty }
  }

  /// The GPUs in the lists' order. As the runtimes do, a list ends at the first entry that is no GPU.
  func resolve(_ gpus: [MachineTopology.Device]) -> (gpus: [MachineTopology.Device], notes: [String]) {
    let amd = gpus.filter { $0.vendor == .amd }
    let cuda = gpus.filter { $0.vendor == .nvidia || $0.vendor == nil }
    // Nothing here narrows those of other makers, and beside a card they are what drives the screen.
    guard !amd.isEmpty || !cuda.isEmpty else { return (gpus, []) }
    var notes: [String] = []
    var found: [MachineTopology.Device] = []
    if !cuda.isEmpty {
      found += Self.take(list, of: cuda, "CUDA_VISIBLE_DEVICES", order == "PCI_BUS_ID" ? nil : Self.cudaOrder, &notes)
    }
    guard !amd.isEmpty else { return (found, notes) }
    let left = Self.take(rocr, of: amd, "ROCR_VISIBLE_DEVICES", Self.amdOrder, &notes)
    let order = rocr == nil ? Self.amdOrder : nil
    if hip == nil, cuda.isEmpty {
      // HIP obeys CUDA's variable where its own is not set.
      found += Self.take(list, of: left, "CUDA_VISIBLE_DEVICES", order, &notes)
    } else {
      found += Self.take(hip, of: left, "HIP_VISIBLE_DEVICES", order, &notes)
    }
    return (found, notes)
  }

  private static func take(
    _ list: String?, of gpus: [MachineTopology.Device], _ variable: String, _ order: String?, _ notes: inout [String]
  ) -> [MachineTopology.Device] {
    guard let list else { return gpus }
    var found: [MachineTopology.Device] = []
    for entry in entries(list) {
      guard let gpu = try? GPUSelection.find(entry, in: gpus) else {
        if !list.isEmpty { notes.append("\(variable): \"\(entry)\" is no GPU of this machine; the list ends there") }
        break
      }
      let note = order.map { "\(variable) \($0); PCI order was taken. UUIDs are safe." }
      if let note, Int(entry) != nil, !notes.contains(note) { notes.append(note) }
      if !found.contains(gpu) { found.append(gpu) }
    }
    return found
  }

  private static let cudaOrder = "counts in CUDA's own order unless CUDA_DEVICE_ORDER=PCI_BUS_ID"
  private static let amdOrder = "counts in the order of the kernel's compute nodes"

  private static func entries(_ list: String) -> [String] {
    list.split(separator: ",", omittingEmptySubsequences: false).map { String($0.filter { $0 != " " }) }
  }

  // MARK: - Making them visible

  /// Makes a program see these GPUs in this order: by UUID, or by position where no driver tells UUIDs.
  /// - Parameter names: what stands for a GPU instead of its own UUID, as a part of a divided one; by position in
  ///   `chosen`.
  static func environment(
    _ chosen: [MachineTopology.Device], among gpus: [MachineTopology.Device], names: [String?] = []
  ) -> [(name: String, value: String)] {
    let wanted = chosen.indices.map { (gpu: chosen[$0], name: names.indices.contains($0) ? names[$0] : nil) }
    let amd = wanted.filter { $0.gpu.vendor == .amd }
    let cuda = wanted.filter { $0.gpu.vendor != .amd }
    var variables: [(name: String, value: String)] = []
    if !cuda.isEmpty || amd.isEmpty {
      let ids = cuda.compactMap { $0.name ?? $0.gpu.uuid }
      if ids.count != cuda.count { variables.append(("CUDA_DEVICE_ORDER", "PCI_BUS_ID")) }
      let all = gpus.filter { $0.vendor != .amd }
      variables.append(("CUDA_VISIBLE_DEVICES", list(ids, cuda.map(\.gpu), among: all)))
    }
    guard !amd.isEmpty else { return variables }
    let ids = amd.compactMap(\.gpu.uuid)
    variables.append(("ROCR_VISIBLE_DEVICES", list(ids, amd.map(\.gpu), among: gpus.filter { $0.vendor == .amd })))
    // What that leaves is counted anew; a list that was set for all GPUs would pick among these.
    let positions = amd.indices.map(String.init).joined(separator: ",")
    variables.append(("HIP_VISIBLE_DEVICES", positions))
    // Engines refuse to start when the two differ.
    if cuda.isEmpty { variables.append(("CUDA_VISIBLE_DEVICES", positions)) }
    return variables
  }

  private static func list(
    _ ids: [String], _ chosen: [MachineTopology.Device], among gpus: [MachineTopology.Device]
  ) -> String {
    if ids.count == chosen.count { return ids.joined(separator: ",") }
    return chosen.compactMap { gpus.firstIndex(of: $0) }.map(String.init).joined(separator: ",")
  }
}
