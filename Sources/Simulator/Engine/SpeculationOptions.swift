/// A drafter and the truth about it that no scheduler is told.
public struct SpeculationOptions: Hashable, Sendable {
  /// How the probability that a draft is right varies.
  public enum Mode: String, CaseIterable, Hashable, Sendable {
    /// The same for all.
    case fixed
    /// Each request has its own, evenly spread around the mean.
    case mixed
    /// Each request's rises and falls around the mean as it goes on.
    case drifting
    /// Each request's jumps between nearly always and nearly never, so that a smoothed estimate is always late.
    case adversarial
  }

  public var mode: Mode
  /// Mean probability that one draft is accepted after those before it were, 0...1.
  public var acceptance: Double
  /// Largest number of drafts of one request in one iteration.
  public var draftsMax: Int
  /// The drafter's time for one token of every sequence in the batch, in microseconds.
  public var draftUs: Int

  public init(mode: Mode, acceptance: Double, draftsMax: Int, draftUs: Int) {
    self.mode = mode
    self.acceptance = acceptance
    self.draftsMax = draftsMax
    self.draftUs = draftUs
  }
}
