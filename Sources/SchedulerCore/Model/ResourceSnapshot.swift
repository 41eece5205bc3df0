/// The machine as the core sees it: what a decision may depend on, as plain values. The full document that people
/// read (`coxswain snapshot`) is made by HardwareProbes; this is the part that steers plans.
public struct ResourceSnapshot: Hashable, Codable, Sendable {
  public struct NUMANode: Hashable, Codable, Sendable {
    public var osIndex: Int
    /// CPUs of the node that this process may use, ascending.
    public var cpus: [Int]
    public var totalBytes: Leaf<Int>
    public var freeBytes: Leaf<Int>

    public init(osIndex: Int, cpus: [Int], totalBytes: Leaf<Int>, freeBytes: Leaf<Int>) {
      self.osIndex = osIndex
      self.cpus = cpus
      self.totalBytes = totalBytes
      self.freeBytes = freeBytes
    }
  }

  /// Grows by one whenever a value that steers plans changed.
  public var generation: UInt64
  /// Memory that this process may still take: the least of node free and cgroup headroom.
  public var memoryHeadroomBytes: Leaf<Int>
  /// PSI memory `some`, average over 10 s, in hundredths of a percent.
  public var memoryPressureCentipercent: Leaf<Int>
  /// What headroom and pressure ask for, with hysteresis; none where neither can be read.
  public var memoryLevel: MemoryPressureLevel
  public var numaNodes: [NUMANode]
  /// One direction of the link between GPU and pinned host memory, as measured, in bytes per second; nil: not measured.
  public var hostLinkBytesPerS: Int?
  /// The slower direction between memory and the disk that holds KV, as measured, in bytes per second, or nil.
  public var diskBytesPerS: Int?

  public init(
    generation: UInt64, memoryHeadroomBytes: Leaf<Int>, memoryPressureCentipercent: Leaf<Int>,
    memoryLevel: MemoryPressureLevel = .none, numaNodes: [NUMANode]
  ) {
    self.generation = generation
    self.memoryHeadroomBytes = memoryHeadroomBytes
    self.memoryPressureCentipercent = memoryPressureCentipercent
    self.memoryLevel = memoryLevel
    self.numaNodes = numaNodes
  }

  /// Nothing is known yet.
  public static let unknown = ResourceSnapshot(
    generation: 0,
    memoryHeadroomBytes: Leaf(value: nil, status: .unsupported, ageMs: nil),
    memoryPressureCentipercent: Leaf(value: nil, status: .unsupported, ageMs: nil),
    numaNodes: [])
}
