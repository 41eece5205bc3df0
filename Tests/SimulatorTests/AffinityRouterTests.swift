import Policy
import SchedulerCore
import Testing

@testable import Simulator

/// Prefix affinity wired to engines: what it sees of them, and what comes of it.
struct AffinityRouterTests {
  private func profile() throws -> GPUProfile { try #require(try GPUProfile.bundled(GPUProfile.defaultName)) }

  private func engine(_ index: Int) throws -> ReferenceEngine {
    var options = EngineOptions()
    options.serverID = "e\(index)"
    return ReferenceEngine(
      profile: try profile(), options: options, mix: .standard, workload: ListWorkload([]),
      link: CoreLink(policy: try #require(PolicyDocument.preset("vllm-v1")).config))
  }

  /// 64 blocks of 16 tokens of one family, and 100 tokens of its own.
  private func request(_ id: String, family: UInt64, atUs: Int64) -> WorkloadRequest {
    var request = WorkloadRequest(
      id: id, arrivalUs: atUs, tenant: "t", classIndex: 0, promptTokens: 1_124, outputTokens: 4)
    request.prefixBlocks = (0..<64).map { family << 32 | $0 }
    return request
  }

  @Test func theRule() {
    var router = AffinityRouter()
    let asked = request("a", family: 1, atUs: 0)
    func choose(_ views: [InstanceView], loads: [Int] = [0, 0]) -> Int {
      router.choose(asked, among: [0, 1], load: { loads[$0] }, view: { views[$0] })
    }
    func view(_ id: String, hit: Int = 0, queueUs: Int = 0, free: Int = 10_000) -> InstanceView {
      InstanceView(
        id: id, queuedPrefillUs: queueUs, kvFreeTokens: free, hitTokens: hit, prefillNsPerToken: 100_000)
    }
    // 1,000 tokens found save 100 ms of prefill.
    #expect(choose([view("0"), view("1", hit: 1_000)]) == 1)
    #expect(choose([view("0"), view("1", hit: 1_000, queueUs: 99_999)]) == 1)
    #expect(choose([view("0"), view("1", hit: 1_000, queueUs: 100_001)]) == 0)
    // No room anywhere: the fewest requests.
    #expect(choose([view("0", free: 0), view("1", free: 0)], loads: [3, 2]) == 1)
  }

  /// One request of 1,124 tokens waits in the inbox; its prompt is the queue that the next one sees.
  @Test func theViewOfAnEngine() throws {
    var engine = try engine(0)
    let asked = request("b", family: 2, atUs: 0)
    let idle = engine.view(for: asked, isHandedOver: false)
    #expect(idle.queuedPrefillUs == 0)
    #expect(idle.hitTokens == 0)
    #expect(idle.runningRequests == 0)
    #expect(idle.kvFreeTokens == engine.queue.cache.totalBlocks * engine.engine.model.kvGroups[0].blockTokens)
    engine.take(EngineArrival(request("a", family: 1, atUs: 0)))
    let busy = engine.view(for: asked, isHandedOver: false)
    #expect(busy.queuedPrefillUs == 1_124 * idle.prefillNsPerToken / 1000)
    let handedOver = engine.view(for: asked, isHandedOver: true)
    #expect(handedOver.prefillNsPerToken == 0)
    #expect(handedOver.queuedPrefillUs == busy.queuedPrefillUs)
  }

  /// Two families in turn, far apart: each stays where its prefix is, and every later prompt finds its 1,024 tokens.
  @Test func familiesStayTogether() throws {
    let requests = (0..<20).map { request("r\($0)", family: UInt64($0 % 2 + 1), atUs: Int64($0) * 1_000_000) }
    var loop = EngineLoop(
      engines: [try engine(0), try engine(1)], workload: ListWorkload(requests), router: AffinityRouter())
    let card = try loop.run(clock: { 0 }, onProgress: { _ in true })
    #expect(card.requests == 20)
    #expect(card.cachedTokens == 18 * 1_024)
  }

  @Test(arguments: [UInt64(3), 4])
  func itFindsMoreThanTheOthers(seed: UInt64) throws {
    func cached(_ router: RouterKind) throws -> Int {
      let source = WorkloadSource(.generated(requests: 300, ratePerS: 20), mix: .standard, seed: seed)
      let simulation = try Simulation(
        cluster: Cluster(try profile(), count: 4, router: router), options: EngineOptions(), source: source,
        rateScale: 1)
      let contender = Contender(policy: try #require(PolicyDocument.preset("vllm-v1")).config)
      return try simulation.run(contender, clock: { 0 }, onProgress: { _ in true }).scorecard.cachedTokens
    }
    let affinity = try cached(.affinity)
    #expect(try affinity > cached(.roundRobin), "seed \(seed)")
    #expect(try affinity > cached(.leastLoaded), "seed \(seed)")
  }
}
