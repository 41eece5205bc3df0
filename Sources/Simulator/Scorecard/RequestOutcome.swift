/// What became of one request, as its user saw it.
struct RequestOutcome {
  var classIndex: Int
  var tenant: String
  var promptTokens: Int
  var outputTokens: Int
  /// Microseconds from arrival to the first token; nil when there was none.
  var ttftUs: Int?
  /// Mean microseconds between tokens; 0 with a single token.
  var tpotUs: Int
  var maxGapUs: Int
  /// Cut short by the scheduler.
  var isShed: Bool
}
