/// Where KV may go when it leaves the GPU for a while, and how fast.
public struct SwapOptions: Hashable, Sendable {
  /// Pinned host memory for KV; 0 closes the tier.
  public var cpuBytes: Int
  /// One direction of the link between GPU and host, bytes per second; nil: the profile's.
  public var cpuBytesPerS: Double?
  /// Room for KV on SSD; 0 closes the tier.
  public var ssdBytes: Int
  public var ssdBytesPerS: Double

  public init(cpuBytes: Int, cpuBytesPerS: Double?, ssdBytes: Int, ssdBytesPerS: Double) {
    self.cpuBytes = cpuBytes
    self.cpuBytesPerS = cpuBytesPerS
    self.ssdBytes = ssdBytes
    self.ssdBytesPerS = ssdBytesPerS
  }
}
