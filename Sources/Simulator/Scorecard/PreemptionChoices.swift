/// Choices between computing a victim's KV again and copying it, judged in hindsight: what the one that was taken did
/// cost, and what the other would have, by the engine's true times, with what the prefix cache really held when the
/// victim came back. Victims that never came back, or could not have been copied, were no choices.
struct PreemptionChoices: Hashable, Sendable {
  private(set) var count = 0
  private(set) var right = 0
  /// Victims that were copied.
  private(set) var copies = 0
  /// Time of what was done, and of the better of both in each case, in microseconds.
  private(set) var costUs = 0
  private(set) var bestUs = 0

  mutating func add(copied: Bool, copyUs: Int, recomputeUs: Int) {
    let taken = copied ? copyUs : recomputeUs
    let best = min(copyUs, recomputeUs)
    count += 1
    copies += copied ? 1 : 0
    right += taken == best ? 1 : 0
    costUs += taken
    bestUs += best
  }

  mutating func merge(_ other: PreemptionChoices) {
    count += other.count
    right += other.right
    copies += other.copies
    costUs += other.costUs
    bestUs += other.bestUs
  }

  var rightRatio: Double? { count == 0 ? nil : Double(right) / Double(count) }
}
