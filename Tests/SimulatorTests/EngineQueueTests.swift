import SchedulerCore
import Testing

@testable import Simulator

/// Prefix blocks of a trace at other sizes than the engine's.
struct EngineQueueTests {
  private func queue(blockTokens: Int) throws -> EngineQueue {
    var profile = try #require(try GPUProfile.bundled(GPUProfile.defaultName))
    profile.kvBlockTokens = blockTokens
    return EngineQueue(EngineOptions().description(profile), prefixCaching: true)
  }

  private func request(_ id: String, _ blocks: [UInt64], of size: Int, prompt: Int) -> WorkloadRequest {
    var request = WorkloadRequest(
      id: id, arrivalUs: 0, tenant: "t", classIndex: 0, promptTokens: prompt, outputTokens: 4)
    request.prefixBlocks = blocks
    request.prefixBlockTokens = size
    return request
  }

  /// The second prompt shares the first 1,024 tokens and has 3,000 of its own; a hit is whole blocks of the engine.
  @Test(arguments: [(16, 1_024), (32, 1_024), (48, 1_008), (512, 1_024), (768, 768), (1_024, 1_024), (2_048, 0)])
  func hitsAreWholeBlocksOfTheEngine(blockTokens: Int, hit: Int) throws {
    var queue = try queue(blockTokens: blockTokens)
    let first = queue.insert(request("a", [0, 1, 2, 3, 4, 5], of: 512, prompt: 3_000), seq: 1, oldestUnsettled: nil)
    queue.grow(first, by: 3_000)
    let second = queue.insert(request("b", [0, 1, 9, 10], of: 512, prompt: 2_048), seq: 1, oldestUnsettled: nil)
    #expect(queue.hitTokens(second) == hit)
    // The same ids in other places are other content.
    let third = queue.insert(request("c", [5, 0, 1], of: 512, prompt: 1_536), seq: 1, oldestUnsettled: nil)
    #expect(queue.hitTokens(third) == 0)
  }

  /// An answer's blocks are found by the next turn of the conversation.
  @Test(arguments: [16, 32])
  func answersAreFoundAgain(blockTokens: Int) throws {
    var queue = try queue(blockTokens: blockTokens)
    var turn = request("a", [1, 2], of: 16, prompt: 32)
    turn.outputTokens = 33
    turn.outputBlocks = [3, 4]
    let first = queue.insert(turn, seq: 1, oldestUnsettled: nil)
    queue.grow(first, by: 32 + 32)
    let second = queue.insert(request("b", [1, 2, 3, 4, 5], of: 16, prompt: 80), seq: 1, oldestUnsettled: nil)
    #expect(queue.hitTokens(second) == 64)
  }
}
