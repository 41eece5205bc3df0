import SchedulerCore
import WireProtocol

/// A batch of constant size on the reference engine: whoever ends is followed by another at once. What it measures is
/// output tokens per second of virtual time.
public struct SpeculationTrial: Sendable {
  /// Who decides about drafts.
  public enum Contender: Hashable, Sendable {
    /// This policy in the sidecar's own core.
    case policy(PolicyConfig)
    /// The truth is known: most tokens per time in each iteration.
    case tokensOracle
    /// The truth is known: most progress of all requests per time in each iteration.
    case progressOracle
  }

  static let promptTokens = 512
  public static let outputTokens = 1_024
  /// Every request of the first batch is at another place of its answer.
  private static let firstLeast = 32

  public var profile: GPUProfile
  public var speculation: SpeculationOptions
  /// Requests at any time.
  public var batch: Int
  /// Virtual time, in microseconds.
  public var spanUs: Int64
  public var seed: UInt64
  /// Plans in flight; oracles need 1.
  public var inFlight = 1
  /// The engine takes the same drafts for all requests of an iteration. Oracles take each request's own.
  public var draftsPerBatch = false

  public init(
    profile: GPUProfile, speculation: SpeculationOptions, batch: Int, spanUs: Int64, seed: UInt64
  ) {
    self.profile = profile
    self.speculation = speculation
    self.batch = batch
    self.spanUs = spanUs
    self.seed = seed
  }

  /// Output tokens per second.
  public func tokensPerS(_ contender: Contender) throws(EngineRunError) -> Double {
    var engine = ReferenceEngine(
      profile: profile, options: options, mix: Self.mix, workload: ListWorkload([]), link: link(contender))
    try engine.register()
    var made = 0
    for _ in 0..<batch {
      let share = Double(made) / Double(batch)
      let length = Self.firstLeast + Int(Double(Self.outputTokens - Self.firstLeast) * share)
      engine.take(EngineArrival(request(&made, atUs: 0, output: length)))
    }
    while engine.nowUs < spanUs {
      try engine.step { 0 }
      while engine.load < batch {
        engine.take(EngineArrival(request(&made, atUs: engine.nowUs, output: Self.outputTokens)))
      }
    }
    return Double(engine.producedTokens) / (Double(engine.nowUs) / 1_000_000)
  }

  private static let mix = ClassMix(entries: [
    .init(name: "standard", share: 1, ttftSLOMs: 60_000, tpotSLOMs: 200)
  ])

  private var options: EngineOptions {
    var options = EngineOptions()
    options.prefixCaching = false
    options.speculation = speculation
    options.seed = seed
    options.inFlightMax = inFlight
    options.draftsPerBatch = draftsPerBatch
    return options
  }

  /// Request number so and so has the same luck under every contender, whenever it comes.
  private func request(_ made: inout Int, atUs: Int64, output: Int) -> WorkloadRequest {
    defer { made += 1 }
    var request = WorkloadRequest(
      id: "\(made)", arrivalUs: atUs, tenant: "trial", classIndex: 0, promptTokens: Self.promptTokens,
      outputTokens: output)
    request.luck = SeededRandom.mixed(UInt64(made))
    return request
  }

  private func link(_ contender: Contender) -> any SchedulerLink {
    switch contender {
    case .policy(var policy):
      policy.timeModel = policy.timeModel ?? profile.time
      return CoreLink(policy: policy)
    case .tokensOracle: return oracle(.tokens)
    case .progressOracle: return oracle(.progress)
    }
  }

  private func oracle(_ rule: OracleDrafts.Rule) -> any SchedulerLink {
    OracleLink(rule: rule, truth: HiddenAcceptance(options: speculation, seed: seed), time: profile.time) {
      SeededRandom.mixed(UInt64($0) ?? 0)
    }
  }
}
