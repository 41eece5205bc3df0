/// What became of one request, as its user saw it.
struct RequestOutcome {
  /// Gaps may be late at most once in so many.
  private static let gapsPerLateGap = 100

  var classIndex: Int
  var tenant: String
  var promptTokens: Int
  var outputTokens: Int
  /// Microseconds from arrival to the first token; nil when there was none.
  var ttftUs: Int?
  /// Mean microseconds between tokens; 0 with a single token.
  var tpotUs: Int
  var maxGapUs: Int
  /// Gaps between tokens that were longer than the class's TPOT.
  var lateGaps = 0
  /// Cut short by the scheduler.
  var isShed: Bool

  /// At least 99 % of the gaps are within the class's TPOT.
  var keepsGaps: Bool { lateGaps * Self.gapsPerLateGap <= max(0, outputTokens - 1) }
}
