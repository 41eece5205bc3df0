/// Work over time, old work counting for less: what rates are made of.
struct FadedWork: Codable, Sendable {
  /// Time after which work counts for about a third, in microseconds.
  let scaleUs: Double
  private(set) var requests = 0.0
  private(set) var promptTokens = 0.0
  private(set) var outputTokens = 0.0
  /// The time that it counts for, in microseconds: grows to `scaleUs`.
  private(set) var spanUs = 0.0

  init(scaleUs: Double) { self.scaleUs = scaleUs }

  /// - Parameter elapsedUs: time since the last call.
  mutating func add(_ work: WorkSum, elapsedUs: Int64) {
    fade(elapsedUs)
    requests += Double(work.requests)
    promptTokens += Double(work.promptTokens)
    outputTokens += Double(work.outputTokens)
  }

  private mutating func fade(_ elapsedUs: Int64) {
    guard elapsedUs > 0 else { return }
    let elapsed = Double(elapsedUs)
    let share = scaleUs / (scaleUs + elapsed)
    requests *= share
    promptTokens *= share
    outputTokens *= share
    spanUs = spanUs * share + elapsed
  }

  /// As it will be when so much time went by without any.
  func faded(elapsedUs: Int64) -> FadedWork {
    var later = self
    later.fade(elapsedUs)
    return later
  }
}
