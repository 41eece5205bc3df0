/// How near two GPUs are to each other, the nearest first: decides tensor-parallel groups and where KV blocks migrate.
public enum GPUCloseness: String, CaseIterable, Comparable, Hashable, Sendable {
  /// NVLink through NVSwitches.
  case nvswitch
  /// NVLink from one to the other.
  case nvlink
  /// AMD Infinity Fabric from one to the other.
  case xgmi
  /// Below one PCIe switch.
  case pcieSwitch = "pcie_switch"
  /// On one processor package, through its PCIe roots.
  case socket
  case crossSocket = "cross_socket"
  /// The firmware does not say where one of them is.
  case unknown

  private var rank: Int {
    switch self {
    case .nvswitch, .nvlink, .xgmi: 0
    case .pcieSwitch: 1
    case .socket: 2
    case .crossSocket: 3
    case .unknown: 4
    }
  }

  /// Nearer is less.
  public static func < (a: GPUCloseness, b: GPUCloseness) -> Bool { a.rank < b.rank }
}

extension MachineTopology {
  /// Every pair of GPUs, in the order of the devices. O(n^2) in the number of GPUs, which is at most some dozens.
  public var gpuPairs: [GPUPair] {
    let gpus = gpus
    let hasSwitches = devices.contains { $0.kind == .nvswitch }
    var pairs: [GPUPair] = []
    for (index, a) in gpus.enumerated() {
      for b in gpus[(index + 1)...] { pairs.append(pair(a, b, hasSwitches: hasSwitches)) }
    }
    return pairs
  }

  private func pair(_ a: Device, _ b: Device, hasSwitches: Bool) -> GPUPair {
    let link = links.filter { $0.a == a.busID && $0.b == b.busID || $0.a == b.busID && $0.b == a.busID }
      .max { ($0.bandwidthMbS ?? 0) < ($1.bandwidthMbS ?? 0) }
    let known = a.isLocalityKnown && b.isLocalityKnown
    let shares = known ? a.numaNodes.contains { b.numaNodes.contains($0) } : nil
    let closeness: GPUCloseness =
      switch link?.kind {
      case .nvlink: hasSwitches ? .nvswitch : .nvlink
      case .xgmi: .xgmi
      case nil: closenessOnPCI(a, b)
      }
    return GPUPair(
      a: a.busID, b: b.busID, closeness: closeness, bandwidthMbS: link?.bandwidthMbS, sharesNode: shares)
  }

  private func closenessOnPCI(_ a: Device, _ b: Device) -> GPUCloseness {
    // A root port leads to one device or one switch, so that any bridge below the host bridge which two devices share
    // means a switch.
    if a.bridges.contains(where: { !$0.hasPrefix("host:") && b.bridges.contains($0) }) { return .pcieSwitch }
    guard a.isLocalityKnown, b.isLocalityKnown, let one = package(of: a), let other = package(of: b) else {
      return .unknown
    }
    return one == other ? .socket : .crossSocket
  }

  /// The package whose CPUs are near; nil if they are on several or none.
  func package(of device: Device) -> Int? {
    let packages = Set(cores.filter { core in core.cpus.ids.contains(where: device.cpus.contains) }.map(\.package))
    return packages.count == 1 ? packages.first : nil
  }
}
