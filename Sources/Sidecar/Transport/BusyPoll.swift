import NIOCore

/// Keeps an event loop from going to sleep while a Step is known to come soon. On an idle processor a sleeping thread
/// takes longer to wake than a Step takes to answer (Docs/decisions/0032). It sleeps for most of the time that the Step
/// is known to take at least: where processors are few, somebody else may need this one.
final class BusyPoll {
  /// Between two looks at the clock; the loop looks for bytes in between. Too short for its processor to go idle, long
  /// enough for the loop: it looks for bytes only when none of its tasks is due.
  static let pause = TimeAmount.microseconds(10)

  /// Share of the time from an announcement to its Step that the loop sleeps.
  static let restShare = 0.75
  /// The time to a Step follows shorter ones at once, and longer ones by this share.
  private static let leadGain = 1.0 / 16

  private let eventLoop: NIOIsolatedEventLoop
  private let clock: () -> Int
  private var untilUs = 0
  /// When the Step that is awaited was announced; nil once it has come.
  private var begunUs: Int?
  /// From an announcement to its Step, in microseconds.
  private var leadUs = 0.0
  private(set) var isPolling = false

  /// - Parameter clock: microseconds, monotonic.
  init(on eventLoop: any EventLoop, clock: @escaping () -> Int) {
    self.eventLoop = eventLoop.assumeIsolated()
    self.clock = clock
  }

  /// Polls for `durationUs` from now on, or until the Step comes.
  func begin(_ durationUs: Int) {
    let nowUs = clock()
    untilUs = nowUs + durationUs
    begunUs = begunUs ?? nowUs
    guard !isPolling else { return }
    isPolling = true
    let rest = TimeAmount.microseconds(Int64(leadUs * Self.restShare))
    if rest > Self.pause { eventLoop.scheduleTask(in: rest) { self.look() } } else { look() }
  }

  /// A Step came at `atUs`, by the clock, announced or not.
  func end(atUs: Int) {
    if let begunUs {
      let leadUs = Double(max(0, atUs - begunUs))
      self.leadUs += (leadUs < self.leadUs ? 1 : Self.leadGain) * (leadUs - self.leadUs)
    }
    end()
  }

  func end() {
    begunUs = nil
    untilUs = 0
  }

  private func look() {
    guard clock() < untilUs else {
      isPolling = false
      return
    }
    eventLoop.scheduleTask(in: Self.pause) { self.look() }
  }
}
