/// What requests will need of the KV pool at the worst moment to come: S-LoRA's admission test (Sheng et al., MLSys
/// 2024). All grow by one token per iteration. When the one with the i-th most tokens left ends, the i that have as
/// many left are still there, each longer by that: the need is the largest of left_i i + run_1 + ... + run_i, in order
/// of descending left. It has to be less than the pool without what the adapters of these requests take of it.
///
/// Each request may leave its last block almost empty. Prompts count in full from the beginning. Who is left out of
/// iterations, or has its prompt cut over many, ends later than this takes it to.
struct PeakNeed: Codable, Sendable {
  private struct Part: Codable, Sendable {
    /// Known tokens, and those that may come.
    var known: Int
    var left: Int
  }

  private let geometry: KVGeometry
  /// Blocks that one adapter takes of the pool.
  private let adapterBlocks: Int
  /// In order of descending `left`.
  private var parts: ContiguousArray<Part> = []
  /// Adapter -> the iteration that counted it last.
  private var adapterMarks: ContiguousArray<UInt64> = []
  private var adapterCount = 0
  private var iteration: UInt64 = 0

  init(engine: EngineDescription) {
    geometry = KVGeometry(engine.model)
    adapterBlocks = engine.limits.adapterBlocks
  }

  mutating func open() {
    parts.removeAll(keepingCapacity: true)
    adapterCount = 0
    iteration += 1
  }

  /// Counts a request that runs or joins. O(requests).
  /// - Parameters:
  ///   - known: its prompt and output tokens.
  ///   - left: output tokens that may still come.
  ///   - adapter: -1 for none.
  mutating func add(known: Int, left: Int, adapter: Int32) {
    var (low, high) = (0, parts.count)
    while low < high {
      let middle = (low + high) / 2
      if parts[middle].left >= left { low = middle + 1 } else { high = middle }
    }
    parts.insert(Part(known: known, left: left), at: low)
    guard adapter >= 0, !isCounted(adapter) else { return }
    let missing = Int(adapter) + 1 - adapterMarks.count
    if missing > 0 { adapterMarks.append(contentsOf: repeatElement(0, count: missing)) }
    adapterMarks[Int(adapter)] = iteration
    adapterCount += 1
  }

  private func isCounted(_ adapter: Int32) -> Bool {
    Int(adapter) < adapterMarks.count && adapterMarks[Int(adapter)] == iteration
  }

  /// Blocks short at the worst moment if one more joined; 0 when all fit. O(requests).
  func missingBlocks(known: Int, left: Int, adapter: Int32) -> Int {
    let isMore = adapter >= 0 && !isCounted(adapter)
    let roomTokens = geometry.capacityTokens(withoutBlocks: adapterBlocks * (adapterCount + (isMore ? 1 : 0)))
    let missing = peakTokens(with: Part(known: known, left: left)) - roomTokens
    return missing < 0 ? 0 : Int(missing) / geometry.largestBlockTokens + 1
  }

  private func peakTokens(with joining: Part) -> Double {
    let rounding = geometry.largestBlockTokens - 1
    var (peak, known, requests) = (0.0, 0.0, 0.0)
    func count(_ part: Part) {
      requests += 1
      known += Double(part.known)
      peak = max(peak, known + requests * Double(part.left + rounding))
    }
    var isJoining = true
    for part in parts {
      if isJoining, joining.left > part.left {
        isJoining = false
        count(joining)
      }
      count(part)
    }
    if isJoining { count(joining) }
    return peak
  }
}
