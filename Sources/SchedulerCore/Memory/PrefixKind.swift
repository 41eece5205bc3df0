/// What is known of a block when its request lets go of it, as far as it says something about the next use: how often
/// it was asked for, whether it was there already, whether the request went on with something known, how much text the
/// request brought along, and how long its answer was. Kinds are told apart here; what each is worth is learned
/// (`ReuseModel`).
struct PrefixKind {
  /// A message, a page, a document or a collection of them: tokens behind what was known, up to each limit or above.
  private static let newTokenLimits = [1_024, 4_096, 16_384]
  /// A verdict, a paragraph or a text: tokens of the answer, up to each limit or above.
  private static let outputTokenLimits = [64, 256]
  private static let usesMax = 4
  /// Kinds of one family: blocks with one past, told apart by the request that had them last.
  static let familySize = (newTokenLimits.count + 1) * (outputTokenLimits.count + 1)
  static let count = (usesMax + 1) * familySize + 1
  /// A block that its prompt does not fill: nobody else's prompt ends there. A family of its own.
  static let unfilled = count - 1

  /// - Parameters:
  ///   - uses: requests that had the block, this one included.
  ///   - wasKnown: the block was in an earlier prompt.
  ///   - continues: more than the prompt's first block was.
  ///   - newTokens: tokens of the prompt behind what was known.
  ///   - outputTokens: tokens of the answer.
  static func index(uses: Int, wasKnown: Bool, continues: Bool, newTokens: Int, outputTokens: Int) -> Int {
    let past = wasKnown ? min(max(uses, 2), usesMax) - 2 : usesMax - 1 + (continues ? 1 : 0)
    let text = above(newTokenLimits, newTokens)
    return past * familySize + text * (outputTokenLimits.count + 1) + above(outputTokenLimits, outputTokens)
  }

  /// Limits that a figure is above.
  private static func above(_ limits: [Int], _ tokens: Int) -> Int { limits.count { tokens > $0 } }
}
