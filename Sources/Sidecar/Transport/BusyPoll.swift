import NIOCore

/// Keeps an event loop from going to sleep while a Step is known to come soon. On an idle processor a sleeping thread
/// takes longer to wake than a Step takes to answer (Docs/decisions/0032).
final class BusyPoll {
  /// Between two looks at the clock; the loop looks for bytes in between. Too short for its processor to go idle, long
  /// enough for the loop: it looks for bytes only when none of its tasks is due.
  static let pause = TimeAmount.microseconds(10)

  private let eventLoop: NIOIsolatedEventLoop
  private let clock: () -> Int
  private var untilUs = 0
  private(set) var isPolling = false

  /// - Parameter clock: microseconds, monotonic.
  init(on eventLoop: any EventLoop, clock: @escaping () -> Int) {
    self.eventLoop = eventLoop.assumeIsolated()
    self.clock = clock
  }

  /// Polls for `durationUs` from now on, or until `end`.
  func begin(_ durationUs: Int) {
    untilUs = clock() + durationUs
    guard !isPolling else { return }
    isPolling = true
    look()
  }

  func end() { untilUs = 0 }

  private func look() {
    guard clock() < untilUs else {
      isPolling = false
      return
    }
    eventLoop.scheduleTask(in: Self.pause) { self.look() }
  }
}
