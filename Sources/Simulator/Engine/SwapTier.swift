/// One tier of host storage for KV that left the GPU.
struct SwapTier: Hashable, Sendable {
  let bytesPerS: Double
  private(set) var capacityBytes: Int
  private let fullBytes: Int
  private(set) var usedBytes = 0

  init(bytes: Int, bytesPerS: Double) {
    fullBytes = bytes
    capacityBytes = bytes
    self.bytesPerS = bytesPerS
  }

  func fits(_ bytes: Int) -> Bool { usedBytes + bytes <= capacityBytes }
  var isOverfull: Bool { usedBytes > capacityBytes }

  /// Negative for what leaves.
  mutating func take(_ bytes: Int) { usedBytes += bytes }

  /// Leaves this share of the tier usable; what lies in it stays until somebody drops it.
  mutating func limit(toShare share: Double) { capacityBytes = Int(Double(fullBytes) * share) }

  /// Microseconds that a transfer takes, rounded up.
  func transferUs(_ bytes: Int) -> Int {
    bytesPerS > 0 ? Int((Double(bytes) / bytesPerS * 1_000_000).rounded(.up)) : 0
  }
}
