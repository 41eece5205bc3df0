import SchedulerCore

/// The largest request rate that one replica could sustain if work were a fluid: an iteration of length tau, repeated
/// for ever, carries its share of prefill, decodes and KV reads, and the resident KV fits. No burst, no queue, no
/// speculation, no prefix reuse: no scheduler passes it without one of those.
public struct FluidBound: Sendable {
  /// Means over a workload's requests.
  public struct Mix: Hashable, Sendable {
    public private(set) var requests = 0
    private var promptTokens = 0.0
    private var promptPairs = 0.0
    private var decodeTokens = 0.0
    private var decodeContextTokens = 0.0

    public init() {}

    /// The first output token comes out of the prefill; the others are decoded, each over its context.
    public mutating func add(promptTokens prompt: Int, outputTokens output: Int) {
      let decodes = Double(max(0, output - 1))
      requests += 1
      promptTokens += Double(prompt)
      promptPairs += Double(prompt) * Double(prompt) / 2
      decodeTokens += decodes
      decodeContextTokens += decodes * (Double(prompt) + Double(output) / 2)
    }

    /// What `count` requests bring into one iteration, fractions included.
    func features(_ count: Double) -> FluidFeatures {
      let share = requests == 0 ? 0 : count / Double(requests)
      return FluidFeatures(
        prefillTokens: promptTokens * share, prefillPairs: promptPairs * share, decodes: decodeTokens * share,
        decodeContextTokens: decodeContextTokens * share)
    }
  }

  /// Lengths of the iteration that are tried, as fractions of the TPOT limit.
  private static let fractions = 50
  private static let mostRatePerS = 1e5
  private static let bisections = 60

  let time: IterationTimeModel
  let kvCapacityTokens: Int

  public init(_ profile: GPUProfile) {
    time = profile.time
    kvCapacityTokens = profile.kvCapacityTokens
  }

  /// Requests per second under a mean-TPOT limit; 0 when not even one iteration fits it.
  public func ratePerS(_ mix: Mix, tpotMs: Double) -> Double {
    var low = 0.0
    var high = Self.mostRatePerS
    for _ in 0..<Self.bisections {
      let middle = (low + high) / 2
      if isFeasible(mix, ratePerS: middle, tpotMs: tpotMs) { low = middle } else { high = middle }
    }
    return low
  }

  private func isFeasible(_ mix: Mix, ratePerS: Double, tpotMs: Double) -> Bool {
    for step in 1...Self.fractions {
      let tauMs = tpotMs * Double(step) / Double(Self.fractions)
      let features = mix.features(ratePerS * tauMs / 1000)
      guard features.decodeContextTokens <= Double(kvCapacityTokens) else { continue }
      if time.ms(features) + Double(time.overheadUs) / 1000 <= tauMs { return true }
    }
    return false
  }
}
