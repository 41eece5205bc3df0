import SchedulerCore
import WireProtocol

/// The reference engine with the core in process: one workload, any number of policies, and the bound above them.
public struct Simulation {
  public var profile: GPUProfile
  public var options: EngineOptions
  public var mix: ClassMix
  /// Makes the workload anew for every run; the argument scales the rate of its arrivals.
  public var workload: (_ rateScale: Double) throws -> any Workload

  public init(
    profile: GPUProfile, options: EngineOptions, mix: ClassMix,
    workload: @escaping (_ rateScale: Double) throws -> any Workload
  ) {
    self.profile = profile
    self.options = options
    self.mix = mix
    self.workload = workload
  }

  /// Runs one policy.
  /// - Parameters:
  ///   - clock: real monotonic nanoseconds, for progress and speed only.
  ///   - onProgress: returning false ends the run early; what is known so far is returned.
  public func run(
    _ policy: PolicyConfig, rateScale: Double = 1, clock: () -> Int, onProgress: (RunProgress) -> Bool
  ) throws -> Scorecard {
    var engine = ReferenceEngine(
      profile: profile, options: options, mix: mix, workload: try workload(rateScale), link: CoreLink(policy: policy))
    return try engine.run(clock: clock, onProgress: onProgress)
  }

  /// The fluid bound of this workload: requests per second at the tightest TPOT of the mix.
  public func boundPerS() throws -> Double {
    var requests = try workload(1)
    var lengths = FluidBound.Mix()
    while let request = try requests.next() {
      lengths.add(promptTokens: request.promptTokens, outputTokens: request.outputTokens)
    }
    let tightest = mix.entries.map(\.tpotSLOMs).min() ?? 0
    var profile = profile
    if let overheadUs = options.overheadUs { profile.time.overheadUs = overheadUs }
    if let tokens = options.kvCapacityTokens { profile.kvCapacityTokens = tokens }
    return FluidBound(profile).ratePerS(lengths, tpotMs: Double(tightest))
  }
}
