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

  /// Trees, and the truth about candidates beside the first.
  public struct Tree: Hashable, Sendable {
    /// Candidates of one level at most.
    public var widthMax: Int
    /// Drafts of one request at most.
    public var nodesMax: Int
    /// Each further candidate of a level is so many times as likely to be right as the one before it was, 0...1: the
    /// mean, around which each request has its own in every mode but `fixed`.
    public var furtherShare: Double

    public init(widthMax: Int, nodesMax: Int, furtherShare: Double) {
      self.widthMax = widthMax
      self.nodesMax = nodesMax
      self.furtherShare = furtherShare
    }
  }

  public var mode: Mode
  /// Mean probability that one draft is accepted after those before it were, 0...1.
  public var acceptance: Double
  /// Largest number of drafts of one request in one iteration, of a tree its levels.
  public var draftsMax: Int
  /// The drafter's time for one token of every sequence in the batch, in microseconds.
  public var draftUs: Int
  /// nil: chains only.
  public var tree: Tree?

  public init(mode: Mode, acceptance: Double, draftsMax: Int, draftUs: Int, tree: Tree? = nil) {
    self.mode = mode
    self.acceptance = acceptance
    self.draftsMax = draftsMax
    self.draftUs = draftUs
    self.tree = tree
  }
}
