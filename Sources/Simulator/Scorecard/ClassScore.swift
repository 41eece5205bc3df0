/// Latencies of one class, and how many of its requests met their SLO.
struct ClassScore: Sendable {
  let name: String
  let ttftSLOUs: Int
  let tpotSLOUs: Int
  let weight: Int
  private(set) var requests = 0
  private(set) var good = 0
  private(set) var strictlyGood = 0
  private(set) var goodTokens = 0
  private(set) var tokens = 0
  private(set) var ttftUs = Histogram()
  private(set) var tpotUs = Histogram()
  private(set) var maxGapUs = Histogram()

  init(name: String, ttftSLOMs: Int, tpotSLOMs: Int, weight: Int) {
    self.name = name
    ttftSLOUs = ttftSLOMs * 1000
    tpotSLOUs = tpotSLOMs * 1000
    self.weight = weight
  }

  /// Whether the outcome meets this class's SLO: TTFT, and mean TPOT.
  func isGood(_ outcome: RequestOutcome) -> Bool { meetsTTFT(outcome) && outcome.tpotUs <= tpotSLOUs }

  /// TTFT, and 99 % of the gaps between tokens instead of their mean.
  func isStrictlyGood(_ outcome: RequestOutcome) -> Bool { meetsTTFT(outcome) && outcome.keepsGaps }

  private func meetsTTFT(_ outcome: RequestOutcome) -> Bool {
    guard let ttftUs = outcome.ttftUs, !outcome.isShed else { return false }
    return ttftUs <= ttftSLOUs
  }

  mutating func add(_ outcome: RequestOutcome, isGood: Bool, isStrictlyGood: Bool) {
    requests += 1
    let outcomeTokens = outcome.promptTokens + outcome.outputTokens
    tokens += outcomeTokens
    if isStrictlyGood { strictlyGood += 1 }
    if isGood {
      good += 1
      goodTokens += outcomeTokens
    }
    if let ttft = outcome.ttftUs { ttftUs.add(ttft) }
    if outcome.outputTokens > 1 {
      tpotUs.add(outcome.tpotUs)
      maxGapUs.add(outcome.maxGapUs)
    }
  }

  /// Adds what another instance served of the same class.
  mutating func merge(_ other: ClassScore) {
    requests += other.requests
    good += other.good
    strictlyGood += other.strictlyGood
    goodTokens += other.goodTokens
    tokens += other.tokens
    ttftUs.merge(other.ttftUs)
    tpotUs.merge(other.tpotUs)
    maxGapUs.merge(other.maxGapUs)
  }

  var withinSLORatio: Double { requests == 0 ? 1 : Double(good) / Double(requests) }
  var strictRatio: Double { requests == 0 ? 1 : Double(strictlyGood) / Double(requests) }
}
