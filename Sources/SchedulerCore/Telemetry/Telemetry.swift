/// Counters of one session since Register. Plain sums: views and metrics read them, no decision depends on them. Sums
/// of figures that an engine reports wrap around: absurd figures must not stop the process.
public struct Telemetry: Hashable, Codable, Sendable {
  public var steps = 0
  public var arrivals = 0
  public var removals = 0
  public var plans = 0
  public var emptyPlans = 0
  /// Plans that the engine launched.
  public var plansLaunched = 0
  /// Plans that the engine dropped: they came late or were cancelled.
  public var plansDropped = 0
  /// Tokens of launched plans.
  public var plannedTokens = 0
  /// Tokens that ran as planned or as exceptions.
  public var executedTokens = 0
  /// Planned but executed otherwise, by cause, in the order of `StepDelta.ExceptionCause.allCases`.
  public var exceptions = [Int](repeating: 0, count: StepDelta.ExceptionCause.allCases.count)
  /// Steps in which the engine's own scheduler ran.
  public var fallbackSteps = 0
  public var fallbackIterations = 0
  /// Requests that plans asked to preempt.
  public var plannedPreemptions = 0
  /// Requests that the engine preempted by itself.
  public var enginePreemptions = 0
  public var draftedTokens = 0
  public var acceptedTokens = 0
  public var clockStepsBack = 0
  public var settledPlans = 0
  public var settledElapsedUs: Int64 = 0

  /// Consecutive launched plans with work of which nothing ran (session rule 14).
  public internal(set) var stalledPlans = 0
  private var exceptionTokens = 0

  public init() {}

  mutating func recordException(_ cause: StepDelta.ExceptionCause, executedTokens: Int) {
    exceptions[cause.index] += 1
    exceptionTokens &+= executedTokens
  }

  /// Records a plan with its tokens, exceptions included, and the tokens of it that ran, exceptions apart.
  mutating func recordLaunch(plannedTokens planned: Int, executedTokens executed: Int) {
    let ran = executed &+ exceptionTokens
    exceptionTokens = 0
    plansLaunched += 1
    plannedTokens &+= planned
    executedTokens &+= ran
    guard planned > 0 else { return }
    stalledPlans = ran == 0 ? stalledPlans + 1 : 0
  }

  mutating func recordSettled(elapsedUs: Int64) {
    settledPlans += 1
    settledElapsedUs &+= elapsedUs
  }
}
