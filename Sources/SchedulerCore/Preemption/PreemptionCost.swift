/// What it costs to take a request's KV away and give it back, by each means, in microseconds of the engine's time.
/// Recompute grows with the square of the context, b S + c S^2 / 2 (the core's time model says how much); a copy grows
/// with the context alone, 2 S bytes_per_token / bandwidth, out and in.
struct PreemptionCost: Codable, Hashable, Sendable {
  /// Assumed of a link between GPU and host that nobody measured: PCIe 3 x16 in one direction, as it measures.
  static let hostLinkBytesPerSGuess = 12_000_000_000

  /// Of all KV groups; a window bounds what a group holds, and is left out here: an estimate for long contexts is then
  /// too high for copies.
  let bytesPerToken: Int
  /// One direction each; nil: no such tier, or not now.
  private(set) var hostBytesPerS: Int?
  private(set) var diskBytesPerS: Int?

  init(engine: EngineDescription) {
    bytesPerToken = engine.model.kvGroups.reduce(0) { $0 + $1.bytesPerToken }
  }

  /// - Parameters:
  ///   - host: KV may go to host memory.
  ///   - disk: KV may go to disk. Its speed has to be measured: disks differ by a factor of a hundred.
  mutating func open(_ resources: ResourceSnapshot, host: Bool, disk: Bool) {
    hostBytesPerS = host ? max(1, resources.hostLinkBytesPerS ?? Self.hostLinkBytesPerSGuess) : nil
    diskBytesPerS = disk ? resources.diskBytesPerS.map { max(1, $0) } : nil
  }

  /// Copying `tokens` tokens of KV to host memory and back; nil where that cannot be.
  func hostUs(tokens: Int) -> Int? { hostBytesPerS.map { Self.copyUs(bytes: tokens * bytesPerToken, bytesPerS: $0) } }

  /// The same by way of the disk. The data crosses host memory on its way; the disk is what it waits for.
  func diskUs(tokens: Int) -> Int? { diskBytesPerS.map { Self.copyUs(bytes: tokens * bytesPerToken, bytesPerS: $0) } }

  /// Into the GPU's memory and not out of it: what a prefix takes that host memory holds, at the measured bandwidth.
  func fetchUs(tokens: Int, _ resources: ResourceSnapshot) -> Int {
    let bytesPerS = max(1, resources.hostLinkBytesPerS ?? Self.hostLinkBytesPerSGuess)
    return Int((Double(tokens * bytesPerToken) * 1_000_000 / Double(bytesPerS)).rounded(.up))
  }

  /// Out and back, rounded up.
  static func copyUs(bytes: Int, bytesPerS: Int) -> Int {
    Int((2 * Double(bytes) * 1_000_000 / Double(bytesPerS)).rounded(.up))
  }
}
