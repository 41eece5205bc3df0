/// What is known of a block when its request lets go of it, as far as it says something about the next use: how often
/// it was asked for, whether it was there already, whether the request went on with something known, and whether it
/// brought a long text along. Kinds are told apart here; what each is worth is learned (`ReuseModel`).
struct PrefixKind {
  /// A request that adds more tokens than this to what is known brings a document along rather than a message.
  static let documentTokens = 4_096
  private static let usesMax = 4
  static let count = 2 * (usesMax - 1) + 2 * 2 + 1
  /// A block that its prompt does not fill: nobody else's prompt ends there.
  static let unfilled = count - 1

  /// - Parameters:
  ///   - uses: requests that had the block, this one included.
  ///   - wasKnown: the block was in an earlier prompt.
  ///   - continues: more than the prompt's first block was.
  ///   - newTokens: tokens of the prompt behind what was known.
  static func index(uses: Int, wasKnown: Bool, continues: Bool, newTokens: Int) -> Int {
    let isDocument = newTokens > documentTokens ? 1 : 0
    if wasKnown { return 2 * (min(max(uses, 2), usesMax) - 2) + isDocument }
    return 2 * (usesMax - 1) + (continues ? 2 : 0) + isDocument
  }
}
