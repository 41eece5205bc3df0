import Policy
import SchedulerCore
import Testing

@testable import Simulator

/// Roles that change while a run lasts.
struct RoleDivisionTests {
  private static let mix = ClassMix(entries: [.init(name: "u", share: 1, ttftSLOMs: 2_000, tpotSLOMs: 20)])

  private func profile() throws -> GPUProfile { try #require(try GPUProfile.bundled("h100-llama31-8b")) }

  /// Long prompts beside tight decodes, scheduled by whole prompts: roles serve more.
  private func loop(_ mode: RoleMode, requests: Int, seed: UInt64) throws -> EngineLoop {
    let profile = try profile()
    let policy = try #require(PolicyDocument.preset("vllm-v1")).config
    let engines = (0..<2).map { index in
      var options = EngineOptions()
      options.role = mode.role(of: index, among: 2)
      return ReferenceEngine(
        profile: profile, options: options, mix: Self.mix, workload: ListWorkload([]), link: CoreLink(policy: policy))
    }
    let engine = RoleEngine(
      time: profile.time, kvCapacityTokens: profile.kvCapacityTokens, kvBytesPerToken: profile.kvBytesPerToken,
      transferBytesPerS: 50_000_000_000, isPaced: policy.isPaced)
    let workload = LengthsWorkload(
      requests: requests, ratePerS: 14, lengths: WorkloadLengths(promptTokens: 3_000, outputTokens: 150),
      mix: Self.mix, seed: seed)
    return EngineLoop(
      engines: engines, workload: workload, router: LeastLoadedRouter(), transferBytesPerS: 50e9,
      division: mode == .auto ? RoleDivision(engine: engine, engines: 2, mix: Self.mix) : nil)
  }

  /// Each request ends exactly once, with all its tokens, and both engines are empty at the end.
  @Test(arguments: [UInt64(1), 2])
  func aChangeLosesNothing(seed: UInt64) throws {
    var loop = try loop(.auto, requests: 700, seed: seed)
    let card = try loop.run(clock: { 0 }, onProgress: { _ in true })
    #expect(card.requests == 700, "seed \(seed)")
    #expect(card.roleChanges == 1, "seed \(seed)")
    #expect(card.prefillEngines == 1, "seed \(seed)")
    #expect(card.transferredBytes > 0)
    var workload = LengthsWorkload(
      requests: 700, ratePerS: 14, lengths: WorkloadLengths(promptTokens: 3_000, outputTokens: 150), mix: Self.mix,
      seed: seed)
    var outputTokens = 0
    while let request = workload.next() { outputTokens += request.outputTokens }
    #expect(loop.engines.reduce(0) { $0 + $1.producedTokens } == outputTokens)
    for engine in loop.engines {
      #expect(engine.queue.cache.heldBlocks == 0)
      #expect(engine.queue.sums == StepDelta.Check(running: 0, waiting: 0, blocked: 0, computed: 0, output: 0))
      #expect(engine.outbox.isEmpty)
      #expect(engine.load == 0)
    }
    #expect(loop.engines.map(\.role) == [.prefill, .decode])
  }

  @Test func theSameBytesTwice() throws {
    var first = try loop(.auto, requests: 500, seed: 3)
    var second = try loop(.auto, requests: 500, seed: 3)
    let json = try first.run(clock: { 0 }, onProgress: { _ in true }).json
    #expect(try second.run(clock: { 0 }, onProgress: { _ in true }).json == json)
  }

  /// Seeds 1 and 2: once it has changed, the planner's run is served as the one with roles from the start.
  @Test(arguments: [UInt64(1), 2])
  func thePlannerEndsWithTheBetter(seed: UInt64) throws {
    func inTime(_ mode: RoleMode) throws -> Double {
      var loop = try loop(mode, requests: 1_500, seed: seed)
      return try loop.run(clock: { 0 }, onProgress: { _ in true }).withinSLORatio
    }
    let (mixed, divided, auto) = (try inTime(.mixed), try inTime(.prefillDecode), try inTime(.auto))
    let figures: Comment = "seed \(seed): \(mixed) mixed, \(divided) divided, \(auto) auto"
    #expect(divided > mixed + 0.05, figures)
    #expect(auto > mixed + 0.05, figures)
  }

  @Test func lengthsAreWithinAQuarter() {
    var workload = LengthsWorkload(
      requests: 2_000, ratePerS: 10, lengths: WorkloadLengths(promptTokens: 1_000, outputTokens: 100), mix: Self.mix,
      seed: 5)
    var prompts: [Int] = []
    var lastUs: Int64 = 0
    while let request = workload.next() {
      prompts.append(request.promptTokens)
      #expect((75...125).contains(request.outputTokens))
      #expect(request.arrivalUs >= lastUs)
      lastUs = request.arrivalUs
    }
    #expect(prompts.allSatisfy { (750...1_250).contains($0) })
    #expect(abs(prompts.reduce(0, +) / prompts.count - 1_000) < 20)
    #expect((180_000_000...220_000_000).contains(lastUs))
  }

  @Test func halfTheEnginesPrefill() {
    #expect((0..<3).map { RoleMode.prefillDecode.role(of: $0, among: 3) } == [.prefill, .decode, .decode])
    #expect((0..<4).map { RoleMode.prefillDecode.role(of: $0, among: 4) } == [.prefill, .prefill, .decode, .decode])
    #expect((0..<2).map { RoleMode.auto.role(of: $0, among: 2) } == [.both, .both])
  }
}
