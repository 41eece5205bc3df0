/// Every gap between two tokens of one request, and those of them in which the request was preempted.
struct TokenGaps: Sendable {
  private(set) var all = Histogram()
  private(set) var preempted = Histogram()
  /// A run of equal gaps: the decodes of one iteration mostly have the same one.
  private var pendingUs = 0
  private var pendingCount = 0

  mutating func add(_ us: Int, hadPreemption: Bool) {
    if hadPreemption { preempted.add(us) }
    if us == pendingUs {
      pendingCount += 1
      return
    }
    flush()
    pendingUs = us
    pendingCount = 1
  }

  /// Must come before `all` is read.
  mutating func flush() {
    if pendingCount > 0 { all.add(pendingUs, count: pendingCount) }
    pendingCount = 0
  }

  mutating func merge(_ other: TokenGaps) {
    flush()
    all.merge(other.all)
    all.add(other.pendingUs, count: other.pendingCount)
    preempted.merge(other.preempted)
  }

  /// The p99 of all gaps less the p99 of the gaps without a preemption: what preemption adds to the tail.
  var addedByPreemptionP99Us: Int { all.quantile(0.99) - all.quantile(0.99, excluding: preempted) }
}
