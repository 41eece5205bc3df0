import SchedulerCore

/// Divides roles among the engines of a run by the core's planner, from what arrived and what ended so far.
struct RoleDivision: Sendable {
  /// Time between two looks at the window.
  static let lookUs: Int64 = 5_000_000

  private var planner: RolePlanner
  private var window = RoleWindow()
  private let mix: ClassMix
  private var nextLookUs = Self.lookUs
  private(set) var changes = 0

  init(engine: RoleEngine, engines: Int, mix: ClassMix) {
    planner = RolePlanner(engine: engine, engines: engines)
    self.mix = mix
  }

  /// Engines that prefill only at present: the first ones.
  var prefillEngines: Int { planner.prefillEngines }

  mutating func add(_ work: WorkloadRequest, hitTokens: Int, _ nowUs: Int64) {
    let limits = mix.entries[work.classIndex]
    window.addArrival(
      promptTokens: work.promptTokens, hitTokens: hitTokens, ttftSLOUs: limits.ttftSLOMs * 1_000,
      tpotSLOUs: limits.tpotSLOMs * 1_000, nowUs: nowUs)
  }

  mutating func add(_ request: EndedRequest, _ nowUs: Int64) {
    window.addEnd(
      outputTokens: request.outputTokens, isInTime: request.isInTime, arrivalUs: request.arrivalUs, nowUs: nowUs)
  }

  /// The number of prefill engines from now on; nil: no change.
  mutating func decide(_ nowUs: Int64) -> Int? {
    guard nowUs >= nextLookUs else { return nil }
    nextLookUs = nowUs + Self.lookUs
    guard let load = window.load(nowUs: nowUs) else { return nil }
    let old = planner.prefillEngines
    let inTime = window.inTimePerMille(sinceUs: planner.changedUs ?? 0, nowUs: nowUs)
    let new = planner.decide(load, inTimePerMille: inTime, nowUs: nowUs).prefillEngines
    guard new != old else { return nil }
    changes += 1
    return new
  }
}
