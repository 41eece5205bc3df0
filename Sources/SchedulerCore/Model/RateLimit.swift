/// At most so many events in any second of the engine's clock, and the same again at once after a quiet second.
struct RateLimit: Codable, Sendable {
  private static let usPerS: Int64 = 1_000_000

  private let perSecond: Int64?
  /// What may be spent, in millionths of an event.
  private var allowance: Int64 = 0
  private var filledUs: Int64?

  /// - Parameter perSecond: nil for no limit.
  init(perSecond: Int?) { self.perSecond = perSecond.map(Int64.init) }

  mutating func open(nowUs: Int64) {
    guard let perSecond else { return }
    let passedUs = filledUs.map { min(Self.usPerS, max(0, nowUs &- $0)) } ?? Self.usPerS
    filledUs = nowUs
    allowance = min(perSecond * Self.usPerS, allowance + passedUs * perSecond)
  }

  var isOpen: Bool { perSecond == nil || allowance >= Self.usPerS }

  mutating func take() {
    if perSecond != nil { allowance -= Self.usPerS }
  }
}
