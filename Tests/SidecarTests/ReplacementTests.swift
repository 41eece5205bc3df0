import Foundation
import Testing
import WireProtocol

@testable import Sidecar

/// Two connections for one rank, on threads of their own as on two event loops.
struct ReplacementTests {
  /// A Step that is refused hands its tenants' tokens to the registry while another connection registers the same rank
  /// and waits for that Step: neither may wait for the other for ever.
  @Test(.timeLimit(.minutes(2)))
  func refusedStepsAndRegistersOfOneRankDoNotBlockEachOther() async throws {
    let registry = SessionRegistry.forTests()
    try await withThrowingTaskGroup(of: Void.self) { group in
      for _ in 0..<2 {
        group.addTask {
          try await RunningSidecar.onThread {
            let conversation = Conversation(registry)
            for _ in 0..<2_000 {
              let epoch = try #require(try conversation.register()["epoch"]?.integerValue)
              _ = try conversation.step(epoch: epoch, seq: 1, Conversation.arrival(1))
              // Unknown handle: RESYNC, unless the other one registered meanwhile.
              let last = try conversation.step(epoch: epoch, seq: 2, #""ready":[99]"#)
              #expect(last.code == .failedPrecondition || last.code == .aborted)
            }
          }
        }
      }
      try await group.waitForAll()
    }
  }

  /// The winner learns the loser's last Step that counted: a Step counts before the Register or not at all.
  @Test(.timeLimit(.minutes(2)))
  func aStepCountsBeforeItsSessionIsReplacedOrNotAtAll() async throws {
    let registry = SessionRegistry.forTests()
    let stepped = AsyncStream<Void>.makeStream()
    async let counted = RunningSidecar.onThread {
      let loser = Conversation(registry)
      let epoch = try #require(try loser.register()["epoch"]?.integerValue)
      var seq = 1
      while try loser.step(epoch: epoch, seq: seq).code == .ok {
        seq += 1
        if seq == 100 { stepped.continuation.finish() }
      }
      return loser.session.counters.steps
    }
    for await _ in stepped.stream {}
    let applied = try Conversation(registry).register()["applied"]
    #expect(try await applied?["seq"] == JSONValue(counted))
  }
}
