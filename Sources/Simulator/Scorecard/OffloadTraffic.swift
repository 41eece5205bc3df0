/// KV moved between the GPU and one other tier.
struct OffloadTraffic: Hashable, Sendable {
  private(set) var bytesOut = 0
  private(set) var bytesIn = 0
  /// Virtual time of the transfers.
  private(set) var busyUs = 0

  mutating func add(bytesOut: Int = 0, bytesIn: Int = 0, us: Int) {
    self.bytesOut += bytesOut
    self.bytesIn += bytesIn
    busyUs += us
  }

  mutating func merge(_ other: OffloadTraffic) {
    add(bytesOut: other.bytesOut, bytesIn: other.bytesIn, us: other.busyUs)
  }

  var bytes: Int { bytesOut + bytesIn }
}
