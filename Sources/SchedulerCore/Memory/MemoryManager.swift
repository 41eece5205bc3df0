/// The KV side of a plan: watermarks, and when blocks are so tight that the engine should know the victims.
struct MemoryManager: Codable, Sendable {
  private let geometry: KVGeometry
  private(set) var watermarkBlocks: ContiguousArray<Int>
  /// The engine has not been told the current watermarks.
  private var isNews = true

  init(geometry: KVGeometry, policy: PolicyConfig) {
    self.geometry = geometry
    watermarkBlocks = Self.watermarks(geometry, ppm: policy.watermarkPpm)
  }

  mutating func setPolicy(_ policy: PolicyConfig) {
    let next = Self.watermarks(geometry, ppm: policy.watermarkPpm)
    isNews = isNews || next != watermarkBlocks
    watermarkBlocks = next
  }

  /// What every cache plan says.
  var cachePlan: CachePlan { CachePlan(watermarkBlocks: Array(watermarkBlocks)) }

  /// The cache plan if the engine does not have it yet.
  mutating func takeNews() -> CachePlan? {
    guard isNews else { return nil }
    isNews = false
    return cachePlan
  }

  /// A plan that never arrived told nobody.
  mutating func newsWasLost() { isNews = true }

  /// Fewer blocks left than running requests: the next iteration may have to preempt.
  func isTight(freeBlocks: ContiguousArray<Int>, running: Int) -> Bool {
    running > 1 && freeBlocks.contains { $0 < running }
  }

  private static func watermarks(_ geometry: KVGeometry, ppm: Int) -> ContiguousArray<Int> {
    ContiguousArray(geometry.poolBlocks.map { ceilDivide($0 * ppm, 1_000_000) })
  }
}
