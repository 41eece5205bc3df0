/// What holds for every decode of one iteration.
struct DecodeTerms {
  /// When the iteration starts.
  var startUs: Int64
  /// A stream's lead counts for no more tokens than this; nil: for all of them.
  var leadTokens: Int64?
  var prices: WorkPrices
}
