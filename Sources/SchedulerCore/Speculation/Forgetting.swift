/// How much of what was known is left after so many tokens, where each token may have changed it with the same
/// probability.
struct Forgetting: Sendable {
  private let memory: ContiguousArray<Double>

  /// - Parameter tokensMost: after so many nothing more is forgotten.
  init(changePerToken: Double, tokensMost: Int) {
    var memory: ContiguousArray<Double> = [1]
    for _ in 0..<tokensMost { memory.append(memory[memory.count - 1] * (1 - changePerToken)) }
    self.memory = memory
  }

  /// Share that is left, 0...1.
  func left(after tokens: Int) -> Double { memory[min(max(0, tokens), memory.count - 1)] }
}
