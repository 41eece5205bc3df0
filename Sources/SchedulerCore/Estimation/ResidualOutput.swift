/// How many tokens an answer still has to come, given how many it has: the mean over recent answers that were longer.
/// O(1) per ending, O(history) now and then.
struct ResidualOutput: Codable, Sendable {
  /// Answers remembered.
  static let historyMax = 4_096
  static let binTokens = 16
  /// Longer answers share the last bin.
  static let bins = 512
  /// Endings between two rebuilds of the table.
  static let rebuildEvery = 64
  /// The prior weighs as much as so many endings.
  static let priorEndings = 8.0

  private var history: ContiguousArray<Int32> = []
  private var next = 0
  private var sinceRebuild = 0
  /// Bin of the output so far -> mean tokens still to come.
  private var residual: ContiguousArray<Float>

  /// - Parameter priorTokens: what an answer has to come while nothing is known.
  init(priorTokens: Double) { residual = ContiguousArray(repeating: Float(priorTokens), count: Self.bins) }

  /// Mean tokens still to come after `output` tokens.
  @inline(__always)
  func expected(after output: Int) -> Double { Double(residual[min(Self.bins - 1, max(0, output) / Self.binTokens)]) }

  /// An answer ended.
  /// - Parameter prior: what is known about answers of all kinds.
  mutating func observe(outputTokens: Int, prior: ResidualOutput) {
    let value = Int32(clamping: outputTokens)
    if history.count < Self.historyMax {
      history.append(value)
    } else {
      history[next] = value
      next = (next + 1) % Self.historyMax
    }
    sinceRebuild += 1
    // While little is known, every ending counts.
    guard sinceRebuild >= min(Self.rebuildEvery, max(1, history.count / 4)) else { return }
    sinceRebuild = 0
    rebuild(prior)
  }

  private mutating func rebuild(_ prior: ResidualOutput) {
    var counts = [Int](repeating: 0, count: Self.bins)
    var sums = [Int](repeating: 0, count: Self.bins)
    for length in history {
      let bin = min(Self.bins - 1, Int(length) / Self.binTokens)
      counts[bin] += 1
      sums[bin] += Int(length)
    }
    var longer = 0.0
    var tokens = 0.0
    for bin in stride(from: Self.bins - 1, through: 0, by: -1) {
      longer += Double(counts[bin])
      tokens += Double(sums[bin])
      let start = Double(bin * Self.binTokens)
      let beyond = max(0, tokens - longer * start)
      let mean = (beyond + Double(prior.residual[bin]) * Self.priorEndings) / (longer + Self.priorEndings)
      residual[bin] = Float(max(1, mean))
    }
  }
}
