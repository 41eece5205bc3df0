/// What recent answers say about the lengths of those to come. Long prompts are often answered briefly, and short ones
/// at length, so that answers are told apart by the size of their prompt, in octaves; what is known about all of them
/// stands in while an octave has few of its own.
struct OutputEstimator: Codable, Sendable {
  /// What an answer has to come while nothing is known, in tokens.
  static let startTokens = 200.0
  /// Prompts below 2^6 tokens are alike, and so are those of 2^19 and more.
  private static let lowestOctave = 6
  private static let octaves = 14
  private static let varianceGain = 0.02
  /// Before anything ended, the mean counts for the deviation, as in an exponential distribution.
  private static let startVariance = startTokens * startTokens

  private var start = ResidualOutput(priorTokens: Self.startTokens)
  private var all = ResidualOutput(priorTokens: Self.startTokens)
  private var byPrompt = ContiguousArray(
    repeating: ResidualOutput(priorTokens: Self.startTokens), count: Self.octaves)
  private var isKnown = ContiguousArray(repeating: false, count: Self.octaves)
  /// Mean square by which an answer's length differed from what was expected of its like, in tokens.
  private(set) var variance = Self.startVariance

  /// Mean tokens still to come for a request, at most what it may still produce.
  @inline(__always)
  func expectedTokens(_ request: Request) -> Double {
    let mean = mean(octave: Self.octave(request.promptTokens), after: request.outputTokens)
    return min(mean, Double(max(1, request.maxOutputTokens - request.outputTokens)))
  }

  @inline(__always)
  private func mean(octave: Int, after output: Int) -> Double {
    isKnown[octave] ? byPrompt[octave].expected(after: output) : all.expected(after: output)
  }

  mutating func observe(promptTokens: Int, outputTokens: Int) {
    let error = Double(outputTokens) - mean(octave: Self.octave(promptTokens), after: 0)
    variance += Self.varianceGain * (error * error - variance)
    all.observe(outputTokens: outputTokens, prior: start)
    let octave = Self.octave(promptTokens)
    byPrompt[octave].observe(outputTokens: outputTokens, prior: all)
    isKnown[octave] = true
  }

  private static func octave(_ promptTokens: Int) -> Int {
    let bits = Int.bitWidth - 1 - max(1, promptTokens).leadingZeroBitCount
    return min(octaves - 1, max(0, bits - lowestOctave))
  }
}
