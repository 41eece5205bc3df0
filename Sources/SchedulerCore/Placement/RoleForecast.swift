/// The largest rate at which like engines keep a load's limits, mixed and with roles, by the iteration-time model.
///
/// Prefill engine (DistServe, Zhong et al., OSDI 2024, section 3.1): a queue with constant service times, its 99th
/// percentile of waiting taken from the exponential tail, ln 100 times the mean. Decode engine: one repeating iteration
/// that holds rate x output x length decodes, resident KV included; the transfer and half an iteration of waiting are
/// spread over a short answer. Mixed and paced: the fluid bound's iteration. Mixed with whole prompts: an answer's
/// decodes and what the prompts that join them add, their number Poisson at the 99th percentile.
struct RoleForecast {
  private static let bisections = 40
  private static let ratePerMsMax = 1_000.0
  /// ln 100: what 1 % of the waits exceed, in means.
  private static let tailFactor = 4.605
  /// Standard deviations above the mean that 1 % of the counts exceed.
  private static let tailDeviations = 2.326
  /// How long more is thought to arrive than can be served.
  private static let overloadMs = 300_000.0

  private let load: RoleLoad
  private let engine: RoleEngine
  private let context: Double
  private let decodes: Double
  private let overheadMs: Double

  init(load: RoleLoad, engine: RoleEngine) {
    self.load = load
    self.engine = engine
    decodes = Double(max(0, load.outputTokens - 1))
    context = Double(load.promptTokens) + decodes / 2
    overheadMs = Double(engine.time.overheadUs) / 1000
  }

  // MARK: - Rates in requests per 1,000 s

  /// Every one of `engines` does both.
  func mixedPerKiloS(engines: Int) -> Int {
    perKiloS { rate in
      let share = rate / Double(engines)
      return self.prefillsInTime(share) && (self.engine.isPaced ? self.keepsPaced(share) : self.keepsWhole(share))
    }
  }

  /// So many engines prefill, so many decode.
  func dividedPerKiloS(prefill: Int, decode: Int) -> Int {
    perKiloS { rate in
      self.prefillsInTime(rate / Double(prefill)) && self.decodesInTime(rate / Double(decode))
    }
  }

  /// The largest rate that holds, by bisection: what holds at a rate holds below it.
  private func perKiloS(_ holds: (Double) -> Bool) -> Int {
    var low = 0.0
    var high = Self.ratePerMsMax
    for _ in 0..<Self.bisections {
      let middle = (low + high) / 2
      if holds(middle) { low = middle } else { high = middle }
    }
    return Int(low * 1_000_000)
  }

  // MARK: - Beyond those rates

  /// Share in time, per mille, where so many engines take all prompts that arrive. 1,000 as long as they can; otherwise
  /// the queue grows by busy - 1 of each second, so that it reaches the limit after (TTFT - prefill) / (busy - 1), and
  /// of an overload that lasts for `overloadMs` only those who came before are in time.
  func queuedPerMille(engines: Int) -> Int {
    let busy = Double(load.requestsPerKiloS) / 1_000_000 / Double(engines) * prefillMs
    guard busy > 1 else { return 1_000 }
    let inTimeMs = max(0, Double(load.ttftSLOUs) / 1000 - prefillMs) / (busy - 1)
    return Int(min(1, inTimeMs / Self.overloadMs) * 1000)
  }

  // MARK: - What has to hold at a rate per millisecond and engine

  private func prefillsInTime(_ rate: Double) -> Bool {
    let busy = rate * prefillMs
    guard busy < 1 else { return false }
    let waitMs = Self.tailFactor * busy * prefillMs / (2 * (1 - busy))
    return waitMs + prefillMs <= Double(load.ttftSLOUs) / 1000
  }

  private func decodesInTime(_ rate: Double) -> Bool {
    guard let ms = decodeIterationMs(rate, atMost: tpotMs) else { return false }
    let bytes = Double(load.promptTokens) * Double(engine.kvBytesPerToken)
    let transferMs = engine.transferBytesPerS > 0 ? bytes / Double(engine.transferBytesPerS) * 1000 : 0
    return ms + (transferMs + ms / 2) / Double(max(1, load.shortOutputTokens - 1)) <= tpotMs
  }

  /// An iteration of `tpotMs` carries its share of everything.
  private func keepsPaced(_ rate: Double) -> Bool {
    let requests = rate * tpotMs
    let ms = engine.time.ms(iteration(prompts: requests, decodes: requests * decodes)) + overheadMs
    return fits(requests * decodes) && ms <= tpotMs
  }

  private func keepsWhole(_ rate: Double) -> Bool {
    let answerMs = decodes * tpotMs
    guard let ms = decodeIterationMs(rate, atMost: tpotMs) else { return false }
    // By Little's law also the requests that decode.
    let prompts = rate * answerMs
    let many = prompts + Self.tailDeviations * prompts.squareRoot()
    let withPromptMs = engine.time.ms(iteration(prompts: 1, decodes: prompts)) + overheadMs
    return decodes * ms + many * max(0, withPromptMs - ms) <= answerMs
  }

  /// So many mean prompts beside so many decodes.
  private func iteration(prompts: Double, decodes: Double) -> FluidFeatures {
    let hit = Double(min(load.hitTokens, load.promptTokens))
    let new = Double(load.promptTokens) - hit
    return FluidFeatures(
      prefillTokens: prompts * new, prefillPairs: prompts * new * (hit + new / 2), prefixTokens: prompts * hit,
      decodes: decodes, decodeContextTokens: decodes * context)
  }

  /// Time of an iteration of the decodes that are there when one takes `limit`; nil when their KV does not fit or it
  /// takes longer.
  private func decodeIterationMs(_ rate: Double, atMost limit: Double) -> Double? {
    let sequences = rate * decodes * limit
    let ms = engine.time.decodeMs(sequences: sequences, contextTokens: sequences * context) + overheadMs
    return fits(sequences) && ms <= limit ? ms : nil
  }

  private func fits(_ sequences: Double) -> Bool { sequences * context <= Double(engine.kvCapacityTokens) }

  /// A mean prompt, alone.
  private var prefillMs: Double { engine.time.ms(iteration(prompts: 1, decodes: 0)) + overheadMs }

  private var tpotMs: Double { Double(load.tpotSLOUs) / 1000 }
}
