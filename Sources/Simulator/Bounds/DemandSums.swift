/// What requests ask of a GPU, added up. `+` adds requests, `*` takes a share of them.
struct DemandSums: Hashable, Sendable {
  var requests = 0.0
  var newPromptTokens = 0.0
  /// W: sum of chunk * (prefix + chunk / 2) with the prompt in one chunk.
  var prefillPairs = 0.0
  var prefixTokens = 0.0
  /// Output tokens after the first, which the prefill makes.
  var decodes = 0.0
  /// Context tokens, summed over decodes.
  var decodeContextTokens = 0.0
  /// The same without what the prefix cache shares between requests.
  var unsharedContextTokens = 0.0

  init() {}

  init(_ request: WorkloadRequest, hitTokens: Int) {
    let prompt = Double(request.promptTokens)
    let new = Double(request.promptTokens - hitTokens)
    let steps = Double(request.outputTokens - 1)
    requests = 1
    newPromptTokens = new
    prefillPairs = new * (Double(hitTokens) + new / 2)
    prefixTokens = Double(hitTokens)
    decodes = steps
    decodeContextTokens = steps * prompt + steps * (steps + 1) / 2
    unsharedContextTokens = decodeContextTokens - steps * Double(hitTokens)
  }

  static func += (a: inout DemandSums, b: DemandSums) {
    a.requests += b.requests
    a.newPromptTokens += b.newPromptTokens
    a.prefillPairs += b.prefillPairs
    a.prefixTokens += b.prefixTokens
    a.decodes += b.decodes
    a.decodeContextTokens += b.decodeContextTokens
    a.unsharedContextTokens += b.unsharedContextTokens
  }

  static func * (a: DemandSums, share: Double) -> DemandSums {
    var b = a
    b.requests *= share
    b.newPromptTokens *= share
    b.prefillPairs *= share
    b.prefixTokens *= share
    b.decodes *= share
    b.decodeContextTokens *= share
    b.unsharedContextTokens *= share
    return b
  }
}
