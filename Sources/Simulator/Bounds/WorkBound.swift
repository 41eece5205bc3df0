import SchedulerCore

/// GPU time that a workload needs, every fixed cost spread as thin as memory allows: the loosest bound, whatever the
/// SLOs.
public struct WorkBound: Hashable, Sendable {
  /// GPU seconds of prefill for each second of the trace.
  public let prefillUtilization: Double
  /// GPU seconds of decode for each second of the trace, in iterations of their own with `sequences` in each.
  public let decodeUtilization: Double
  /// GPU seconds of reading KV for decode: what decodes cost that ride along in iterations of prefill.
  public let contextUtilization: Double
  /// Requests whose KV fits at the mean context, or the engine's limit.
  public let sequences: Double

  /// - Parameter sequencesMax: requests that may run at once.
  public init(demand: WorkloadDemand, time: IterationTimeModel, kvCapacityTokens: Int, sequencesMax: Int) {
    let sums = demand.sums
    let perS = demand.spanUs > 0 ? 1_000 / Double(demand.spanUs) : 0
    let k = time.withPrefill
    prefillUtilization = (k.b * sums.newPromptTokens + k.c * sums.prefillPairs) * perS
    contextUtilization = time.decodeOnly.e * sums.decodeContextTokens * perS
    let context = sums.decodes > 0 ? sums.decodeContextTokens / sums.decodes : 0
    let held = sums.decodes > 0 ? sums.unsharedContextTokens / sums.decodes : 0
    let sequences = min(Double(sequencesMax), held > 0 ? Double(kvCapacityTokens) / held : .infinity)
    self.sequences = sequences
    let iterationMs = time.decodeMs(sequences: sequences, contextTokens: sequences * context)
    decodeUtilization = sums.decodes / sequences * iterationMs * perS
  }

  /// Speed-up of the trace that one replica could keep up with, prefill and decode in turn; 0 for an empty trace.
  public var rateMultiple: Double { Self.inverse(prefillUtilization + decodeUtilization) }

  /// The same with every decode in an iteration of prefill, where it costs its KV reads only.
  public var piggybackRateMultiple: Double { Self.inverse(prefillUtilization + contextUtilization) }

  private static func inverse(_ utilization: Double) -> Double { utilization > 0 ? 1 / utilization : 0 }
}
