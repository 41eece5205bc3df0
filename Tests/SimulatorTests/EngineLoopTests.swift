import Policy
import SchedulerCore
import Testing
import WireProtocol

@testable import Simulator

/// Several instances, models and roles in one loop.
struct EngineLoopTests {
  private func profile() throws -> GPUProfile { try #require(try GPUProfile.bundled(GPUProfile.defaultName)) }

  private func contender(_ name: String = "vllm-v1") throws -> Contender {
    Contender(policy: try #require(PolicyDocument.preset(name)).config)
  }

  private func run(
    _ cluster: Cluster, requests: Int = 80, ratePerS: Double = 16, options: EngineOptions = EngineOptions(),
    policy: String = "vllm-v1"
  ) throws -> SimulationRun {
    let source = WorkloadSource(.generated(requests: requests, ratePerS: ratePerS), mix: .standard, seed: 2)
    let simulation = try Simulation(cluster: cluster, options: options, source: source, rateScale: 1)
    return try simulation.run(try contender(policy), clock: { 0 }, onProgress: { _ in true })
  }

  @Test(arguments: RouterKind.allCases)
  func instancesShareTheWork(router: RouterKind) throws {
    let one = try run(Cluster(try profile()))
    let three = try run(Cluster(try profile(), count: 3, router: router))
    #expect(three.scorecard.requests == 80)
    #expect(three.scorecard.json["instances"] == 3)
    #expect(three.scorecard.all.tpotUs.mean < one.scorecard.all.tpotUs.mean)
    #expect(abs(three.boundRequestsPerS / one.boundRequestsPerS - 3) < 1e-9)
    #expect(three.scorecard.busyRatio < one.scorecard.busyRatio)
    #expect(try run(Cluster(try profile(), count: 3, router: router)).json == three.json)
  }

  /// Two instances at twice the rate with round robin are two separate runs of every other request.
  @Test func roundRobinIsARunOfEveryOtherRequest() throws {
    var workload = GeneratedWorkload(requests: 120, ratePerS: 12, mix: .standard, seed: 5)
    var halves: [[WorkloadRequest]] = [[], []]
    while let request = workload.next() { halves[(halves[0].count + halves[1].count) % 2].append(request) }
    func engine(_ workload: any Workload) throws -> ReferenceEngine {
      ReferenceEngine(
        profile: try profile(), options: EngineOptions(), mix: .standard, workload: workload,
        link: try contender().link(time: try profile().time))
    }
    var expected: [Scorecard] = []
    for half in halves {
      var engine = try engine(ListWorkload(half))
      expected.append(try engine.run(clock: { 0 }, onProgress: { _ in true }))
    }
    var loop = EngineLoop(
      engines: [try engine(ListWorkload([])), try engine(ListWorkload([]))],
      workload: GeneratedWorkload(requests: 120, ratePerS: 12, mix: .standard, seed: 5))
    _ = try loop.run(clock: { 0 }, onProgress: { _ in true })
    for (found, expected) in zip(loop.engines, expected) { #expect(found.scorecard.json == expected.json) }
  }

  @Test func routers() {
    let request = WorkloadRequest(
      id: "a", arrivalUs: 0, tenant: "t", classIndex: 0, promptTokens: 1, outputTokens: 1)
    var roundRobin = RoundRobinRouter()
    func view(_ index: Int) -> InstanceView { InstanceView(id: "\(index)", kvFreeTokens: 1, prefillNsPerToken: 1) }
    let turns = (0..<4).map { _ in roundRobin.choose(request, among: [2, 5, 7], load: { _ in 0 }, view: view) }
    #expect(turns == [2, 5, 7, 2])
    var leastLoaded = LeastLoadedRouter()
    let loads = [9, 4, 3, 4, 3]
    #expect(leastLoaded.choose(request, among: [0, 1, 2, 4], load: { loads[$0] }, view: view) == 2)
    #expect(leastLoaded.choose(request, among: [3, 1], load: { loads[$0] }, view: view) == 3)
  }

  // MARK: - Roles

  private func disaggregated(_ bytesPerS: Double) throws -> Cluster {
    Cluster(
      instances: [.init(profile: try profile(), role: .prefill), .init(profile: try profile(), role: .decode)],
      transferBytesPerS: bytesPerS)
  }

  @Test(arguments: ["vllm-v1", "vllm-v1-priority", "exerciser"])
  func prefillAndDecodeInstances(policy: String) throws {
    let run = try run(try disaggregated(50e9), ratePerS: 6, policy: policy)
    #expect(run.scorecard.requests == 80)
    #expect(run.scorecard.transferredBytes > 0)
    guard policy == "vllm-v1" else { return }
    // Nobody prefills beside decodes: no gap is longer than a decode iteration and a transfer.
    let together = try self.run(Cluster(try profile(), count: 2), ratePerS: 6)
    #expect(run.scorecard.all.maxGapUs.quantile(0.5) < together.scorecard.all.maxGapUs.quantile(0.5))
  }

  @Test func aSlowLinkShowsInTheSecondToken() throws {
    let fast = try run(try disaggregated(0), ratePerS: 4)
    let slow = try run(try disaggregated(1e9), ratePerS: 4)
    #expect(fast.scorecard.transferredBytes == slow.scorecard.transferredBytes)
    #expect(fast.scorecard.all.ttftUs.mean == slow.scorecard.all.ttftUs.mean)
    // 131,072 bytes per token at 1 GB/s: 0.13 ms for each prompt token.
    let addedMs = (slow.scorecard.all.maxGapUs.mean - fast.scorecard.all.maxGapUs.mean) / 1000
    let prompt = Double(slow.scorecard.transferredBytes) / 131_072 / 80
    #expect(abs(addedMs / (prompt * 0.131072) - 1) < 0.1, "\(addedMs) \(prompt)")
  }

  /// The decode instance holds one long request at a time: the others wait until their KV has room.
  @Test func kvWaitsForRoom() throws {
    var options = EngineOptions()
    options.kvCapacityTokens = 16_000
    let run = try run(try disaggregated(50e9), requests: 60, ratePerS: 30, options: options)
    #expect(run.scorecard.requests == 60)
    #expect(run.scorecard.occupancyMax > 0.5)
  }

  // MARK: - Models

  @Test func modelsHaveTheirOwnInstances() throws {
    let cluster = Cluster(
      instances: [
        .init(profile: try profile(), model: 0), .init(profile: try profile(), model: 1),
        .init(profile: try profile(), model: 1),
      ], modelShares: [1, 3])
    let run = try run(cluster, requests: 200)
    #expect(run.scorecard.requests == 200)
    // One instance for a quarter of the requests, two for the rest: the second model is the narrow one.
    let single = try self.run(Cluster(try profile()), requests: 200)
    #expect(abs(run.boundRequestsPerS / single.boundRequestsPerS - 2 / 0.75) < 1e-6)
  }

  @Test func aModelWithoutAnInstanceIsRefused() throws {
    let half = Cluster(instances: [.init(profile: try profile(), role: .prefill)])
    #expect(throws: WorkloadError.self) { try run(half) }
  }

  @Test func clusterFilesAreRead() throws {
    let profile = try profile()
    func decode(_ text: String) throws(WorkloadError) -> Cluster {
      try Cluster.decode(bytes: Array(text.utf8)) { name throws(CallError) in
        guard name == "h100" else { throw .invalid(field: "/instances/0/profile", "no such profile") }
        return profile
      }
    }
    let good = """
      {"router":"round_robin","kv_transfer_mb_s":400,"models":[{"name":"a","share":1},{"name":"b","share":2}],
       "instances":[{"profile":"h100","count":2,"role":"prefill","model":"b"},{"profile":"h100","model":"a"}]}
      """
    let cluster = try decode(good)
    #expect(cluster.instances.map(\.role) == [.prefill, .prefill, .both])
    #expect(cluster.instances.map(\.model) == [1, 1, 0])
    #expect(cluster.transferBytesPerS == 400e6)
    #expect(cluster.modelShares == [1, 2])
    #expect(!cluster.isComplete)
    #expect(try decode(#"{"instances":[{"profile":"h100"}]}"#) == Cluster(profile))
    for (broken, words) in [
      (good.replacing("h100", with: "h200"), "no such profile"), (good.replacing("prefill", with: "sleep"), "role"),
      (good.replacing("\"model\":\"a\"", with: "\"model\":\"c\""), "/instances/1/model"),
      (good.replacing("round_robin", with: "oracle"), "/router"), (#"{"instances":[]}"#, "/instances"),
      (good.replacing("\"share\":2", with: "\"share\":0"), "/models/1/share"),
    ] {
      let error = #expect(throws: WorkloadError.self) { try decode(broken) }
      #expect(error?.description.contains(words) == true, "\(String(describing: error))")
    }
  }
}
