/// Finds GPUs by what people and engines call them. Never by a position in somebody's environment: positions depend on
/// the order and on what is visible, addresses and UUIDs do not.
public enum GPUSelection {
  public struct Unknown: Error, Hashable, Sendable, CustomStringConvertible {
    public var name: String
    public var known: [String]
    public var description: String {
      "no GPU is called \"\(name)\"; expected a position from 0, a PCI address or a UUID"
        + (known.isEmpty ? "; this machine has no GPU" : " of: " + known.joined(separator: ", "))
    }
  }

  /// The GPU of that name: its position by PCI address ("0"), its address ("0000:17:00.0", "17:00.0", in capitals, with
  /// a domain of eight digits), its UUID or a beginning of it that belongs to one GPU only, or the UUID of a part of it
  /// ("MIG-..." of today's drivers, or "MIG-GPU-.../3/0" of older ones).
  public static func find(_ name: String, in gpus: [MachineTopology.Device]) throws(Unknown) -> MachineTopology.Device {
    if let index = Int(name), gpus.indices.contains(index) { return gpus[index] }
    let wanted = address(name)
    if let gpu = gpus.first(where: { address($0.busID) == wanted }) { return gpu }
    let byUUID = gpus.filter { $0.uuid?.hasPrefix(name) == true }
    if byUUID.count == 1, name.count >= 5 { return byUUID[0] }
    if let gpu = gpus.first(where: { $0.instances.contains(name) }) { return gpu }
    if name.hasPrefix("MIG-GPU-"), let parent = name.dropFirst(4).split(separator: "/").first,
      let gpu = gpus.first(where: { $0.uuid == String(parent) })
    {
      return gpu
    }
    throw Unknown(name: name, known: gpus.map(\.busID))
  }

  /// Lower case, the domain without leading zeros, so that all ways to write an address are equal.
  private static func address(_ text: String) -> String {
    let parts = text.lowercased().split(separator: ":", omittingEmptySubsequences: false)
    guard parts.count == 3 else { return "0:" + parts.joined(separator: ":") }
    let domain = parts[0].drop { $0 == "0" }
    return (domain.isEmpty ? "0" : String(domain)) + ":\(parts[1]):\(parts[2])"
  }
}
