/// What one iteration computes, in the features that iteration-time fits use: exact integers, so that adding and taking
/// back an item leaves no trace.
public struct IterationFeatures: Codable, Hashable, Sendable {
  /// P: prefill tokens, summed over chunks.
  public private(set) var prefillTokens = 0
  /// 2 W: sum over chunks of chunk * (2 * prefix + chunk), in square tokens; twice the pairs that attention reads.
  public private(set) var doubledPrefillPairs = 0
  /// Kp: tokens before the chunks, summed over chunks.
  public private(set) var prefixTokens = 0
  /// n: tokens that sequences decode, drafts included.
  public private(set) var decodes = 0
  /// Those of them that are drafts.
  public private(set) var drafts = 0
  /// K: context tokens of the decodes, summed.
  public private(set) var decodeContextTokens = 0
  /// M: the longest context among the decodes.
  public private(set) var longestContextTokens = 0

  public init() {}

  /// Tokens by which the contexts of the decodes are shorter than the longest, summed over sequences.
  public var shortContextTokens: Int { (decodes &- drafts) &* longestContextTokens &- decodeContextTokens }

  public var isEmpty: Bool { prefillTokens == 0 && decodes == 0 }

  /// A prefill chunk of `tokens` after `prefix` tokens that have KV.
  public mutating func addPrefill(tokens: Int, prefix: Int) {
    prefillTokens += tokens
    doubledPrefillPairs += tokens * (2 * prefix + tokens)
    prefixTokens += prefix
  }

  /// One sequence that decodes `tokens` tokens (1, or 1 + drafts) over `context` tokens.
  public mutating func addDecode(context: Int, tokens: Int = 1) {
    decodes += tokens
    drafts += tokens - 1
    decodeContextTokens += context
    longestContextTokens = max(longestContextTokens, context)
  }

  /// `tokens` tokens of a request, drafts included: a decode or a prefill chunk, as the request stands.
  @inline(__always)
  mutating func add(_ request: Request, tokens: Int) {
    if request.isDecoding {
      addDecode(context: request.computedTokens, tokens: tokens)
    } else {
      addPrefill(tokens: tokens, prefix: request.computedTokens)
    }
  }

  /// The same iteration without drafts.
  var withoutDrafts: IterationFeatures {
    var features = self
    features.decodes -= drafts
    features.drafts = 0
    return features
  }

  /// The decodes alone, without drafts.
  var decodesOnly: IterationFeatures {
    var features = withoutDrafts
    features.prefillTokens = 0
    features.doubledPrefillPairs = 0
    features.prefixTokens = 0
    return features
  }

  /// `tokens` more drafts to verify, whoever's.
  mutating func addDrafts(_ tokens: Int) {
    decodes += tokens
    drafts += tokens
  }

  /// Takes a chunk back that `addPrefill` added.
  public mutating func removePrefill(tokens: Int, prefix: Int) {
    prefillTokens -= tokens
    doubledPrefillPairs -= tokens * (2 * prefix + tokens)
    prefixTokens -= prefix
  }
}
