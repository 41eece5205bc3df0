/// How an iteration is filled, beside the order in which its budget is handed out. The defaults change nothing.
public struct BatchRules: Hashable, Codable, Sendable {
  /// What bounds the prefill chunks of an iteration.
  public enum Budget: String, CaseIterable, Hashable, Codable, Sendable {
    /// A number of tokens, the same for every iteration.
    case tokens
    /// Beside that number, the time until the next tokens of the decodes in it are due: as many tokens as the tightest
    /// TPOT among them allows by the time model (Sarathi-Serve's rule for its budget, arXiv 2403.02310, applied anew
    /// to each iteration).
    case slack
  }

  /// Decode iterations of one slice under `slice_level`; then others may take their turn.
  public var sliceIterations: Int
  /// A chunk that does not finish its prompt ends where the iteration's tokens are a multiple of this: matrix products
  /// are computed in tiles, and a tile begun is paid for (Sarathi-Serve, arXiv 2403.02310, tile quantisation). 0: off.
  public var chunkTileTokens: Int
  public var budget: Budget

  public static let sliceIterationsDefault = 128

  public init(
    sliceIterations: Int = Self.sliceIterationsDefault, chunkTileTokens: Int = 0, budget: Budget = .tokens
  ) {
    self.sliceIterations = sliceIterations
    self.chunkTileTokens = chunkTileTokens
    self.budget = budget
  }
}
