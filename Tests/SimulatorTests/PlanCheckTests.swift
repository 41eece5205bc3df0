import SchedulerCore
import Testing
import WireProtocol

@testable import Simulator

/// The engine's own check must notice each broken rule: a check that passes everything would prove nothing.
struct PlanCheckTests {
  private let views: [RequestHandle: PlanCheck.View] = [
    1: .init(isLive: true, isRunning: true, known: 10, computed: 9, isInFlight: false),
    2: .init(isLive: true, isRunning: false, known: 50, computed: 0, isInFlight: false),
    3: .init(isLive: true, isRunning: true, known: 20, computed: 19, isInFlight: true),
    4: .init(isLive: false, isRunning: false, known: 20, computed: 19, isInFlight: false),
    5: .init(isLive: true, isRunning: true, known: 9, computed: 8, isInFlight: false, adapter: 0),
    6: .init(isLive: true, isRunning: true, known: 9, computed: 8, isInFlight: false, adapter: 0),
    7: .init(isLive: true, isRunning: true, known: 9, computed: 8, isInFlight: false, adapter: 1),
  ]

  private func rule(
    _ change: (inout StepReply) -> Void, capabilities: Capabilities = [.pause, .requeue, .truncate],
    adapters: AdapterOptions? = nil
  ) throws -> String? {
    var options = EngineOptions()
    options.adapters = adapters
    options.capabilities = capabilities
    options.stepTokens = 40
    options.sequences = 3
    let profile = try #require(try GPUProfile.bundled(GPUProfile.defaultName))
    var check = PlanCheck(options.description(profile))
    var reply = StepReply()
    change(&reply)
    do throws(EngineRunError) {
      try check.verify(reply, work: reply.run, running: 2, seq: 1) { views[$0] }
      return nil
    } catch {
      guard case .invalidPlan(_, let rule, _) = error else { return "\(error)" }
      return rule
    }
  }

  private func items(_ pairs: (RequestHandle, Int)...) -> [StepPlan.Item] {
    pairs.map { StepPlan.Item(h: $0.0, n: $0.1, k: 0) }
  }

  @Test func goodPlansPass() throws {
    #expect(try rule { $0.run = items((1, 1), (2, 30)) } == nil)
    #expect(
      try rule {
        $0.requeue = [1]
        $0.run = items((2, 30))
      } == nil)
    #expect(
      try rule {
        $0.truncate = [.init(h: 1, keepTokens: 4)]
        $0.run = items((1, 6))
      } == nil)
  }

  @Test func brokenPlansAreNamed() throws {
    #expect(try rule { $0.run = items((9, 1)) } == "run names live requests")
    #expect(try rule { $0.run = items((4, 1)) } == "run names live requests")
    #expect(try rule { $0.run = items((1, 1), (1, 1)) } == "run and pause name nobody twice")
    #expect(try rule { $0.run = items((1, 2)) } == "n is at most what is left")
    #expect(try rule { $0.run = items((2, 41)) } == "tokens fit the budget")
    #expect(try rule { $0.requeue = [2] } == "a verb names running requests")
    #expect(try rule { $0.requeue = [3] } == "a verb names no request of an unsettled plan")
    #expect(
      try rule {
        $0.requeue = [1]
        $0.truncate = [.init(h: 1, keepTokens: 4)]
      } == "one verb for one request")
    #expect(try rule { $0.pause = [2] } == "pause names running requests")
    #expect(try rule({ $0.pause = [1] }, capabilities: []) == "only declared verbs")
    #expect(try rule({ $0.holdUs = 5 }, capabilities: []) == "only declared verbs")
  }

  @Test func adapters() throws {
    let one = AdapterOptions(resident: 1, loadUs: 5_000)
    #expect(try rule({ $0.run = items((5, 1), (6, 1), (1, 1)) }, adapters: one) == nil)
    #expect(try rule({ $0.run = items((5, 1), (7, 1)) }, adapters: one) == "adapters fit")
  }

  @Test func drafts() throws {
    #expect(try rule { $0.run = [.init(h: 1, n: 3, k: 2)] } == nil)
    #expect(try rule { $0.run = [.init(h: 2, n: 30, k: 2)] } == "drafts ride on the last known token")
  }
}
