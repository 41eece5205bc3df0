/// Two GPUs and what is between them.
public struct GPUPair: Hashable, Sendable {
  /// Bus ids; `a` comes first on the machine.
  public var a: String
  public var b: String
  public var closeness: GPUCloseness
  /// Of their own link in one direction, where it is stated.
  public var bandwidthMbS: Int?
  /// Whether the same NUMA node is near to both; nil if that is unknown of one.
  public var sharesNode: Bool?

  /// Nearer is less: closeness, then bandwidth, then the node.
  func isNearer(than other: GPUPair) -> Bool {
    if closeness != other.closeness, closeness < other.closeness || other.closeness < closeness {
      return closeness < other.closeness
    }
    if bandwidthMbS != other.bandwidthMbS { return (bandwidthMbS ?? 0) > (other.bandwidthMbS ?? 0) }
    return sharesNode == true && other.sharesNode != true
  }
}
