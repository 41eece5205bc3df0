import NIOEmbedded
import Testing

@testable import Sidecar

/// How long a loop stays awake for a Step that was announced.
struct BusyPollTests {
  /// Microseconds; each look at it takes one.
  private final class Clock {
    var nowUs = 0
    private(set) var looks = 0

    func read() -> Int {
      nowUs += 1
      looks += 1
      return nowUs
    }
  }

  private let loop = EmbeddedEventLoop()
  private let clock = Clock()

  private func run(times: Int) {
    for _ in 0..<times { loop.advanceTime(by: BusyPoll.pause) }
  }

  @Test func pollsUntilTheTimeIsOver() {
    let poll = BusyPoll(on: loop, clock: clock.read)
    poll.begin(20)
    run(times: 10)
    #expect(poll.isPolling)
    run(times: 100)
    #expect(!poll.isPolling)
    let looks = clock.looks
    run(times: 100)
    #expect(clock.looks == looks)
  }

  @Test func theStepEndsIt() {
    let poll = BusyPoll(on: loop, clock: clock.read)
    poll.begin(1_000_000)
    run(times: 10)
    poll.end()
    run(times: 1)
    #expect(!poll.isPolling)
  }

  /// Each Step comes 1,000 us after its announcement: the loop sleeps for 750 of them. One that comes after 100 us makes it
  /// sleep for 75 at the next.
  @Test func sleepsForMostOfTheTimeThatAStepTakesAnyway() {
    let poll = BusyPoll(on: loop, clock: clock.read)
    for _ in 0..<200 {
      poll.begin(1_000_000)
      poll.end(atUs: clock.nowUs + 1_000)
      run(times: 100)
    }
    poll.begin(1_000_000)
    var looks = clock.looks
    run(times: 74)
    #expect(clock.looks == looks)
    run(times: 2)
    #expect(clock.looks > looks)
    poll.end(atUs: clock.nowUs + 100)
    run(times: 100)
    poll.begin(1_000_000)
    looks = clock.looks
    run(times: 7)
    #expect(clock.looks == looks)
    run(times: 2)
    #expect(clock.looks > looks)
  }

  @Test func manyAnnouncementsPollOnceAndTheLastOneCounts() {
    let poll = BusyPoll(on: loop, clock: clock.read)
    for _ in 0..<100 { poll.begin(20) }
    let looks = clock.looks
    run(times: 10)
    #expect(clock.looks == looks + 10)
    #expect(poll.isPolling)
    run(times: 20)
    #expect(!poll.isPolling)
  }
}
