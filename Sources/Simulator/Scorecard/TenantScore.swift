/// What one tenant got.
struct TenantScore: Sendable {
  private(set) var tokens = 0
  private var requests = 0
  private var good = 0

  mutating func add(tokens: Int, isGood: Bool) {
    self.tokens += tokens
    requests += 1
    good += isGood ? 1 : 0
  }

  func merged(with other: TenantScore) -> TenantScore {
    var sum = self
    sum.tokens += other.tokens
    sum.requests += other.requests
    sum.good += other.good
    return sum
  }

  var withinSLORatio: Double { requests == 0 ? 1 : Double(good) / Double(requests) }
}
