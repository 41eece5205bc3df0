/// What the engine was told last, so that a reply carries only what changed.
struct PlanPublication: Codable, Sendable {
  private(set) var order: [RequestHandle] = []
  private(set) var orderVersion: UInt64?
  private(set) var binding: PlanReason?

  mutating func setOrder(_ handles: [RequestHandle], version: UInt64) {
    order = handles
    orderVersion = version
  }

  /// Returns whether this constraint is news: another request, or another rule.
  mutating func setBinding(_ next: PlanReason?) -> Bool {
    let isNews = next.map { $0.h != binding?.h || $0.reason.code != binding?.reason.code } ?? false
    binding = next
    return isNews
  }

  /// A plan that never arrived told nobody.
  mutating func forget() {
    order = []
    orderVersion = nil
    binding = nil
  }
}
