import Policy
import SchedulerCore

/// Simulates policies on the traffic, and counts what it does.
struct TuningBench {
  enum Part {
    case tuned
    case heldBack
  }

  let cluster: Cluster
  let options: EngineOptions
  let traffic: TuningTraffic
  let events: [ScriptedEvent]
  /// Requests that will have been simulated in the end, at most; nil while nobody knows.
  var plannedRequests: Int?
  /// Of the runs that are over.
  private(set) var finishedRequests = 0

  init(_ tuner: Tuner) {
    cluster = tuner.cluster
    options = tuner.options
    traffic = tuner.traffic
    events = tuner.events
  }

  /// Runs one part of the traffic; nil when it was interrupted.
  mutating func figures(
    _ policy: PolicyDocument, roles: RoleMode?, on part: Part, rateScale: Double = 1, note: String, _ clock: () -> Int,
    _ onProgress: (TuningProgress) -> Bool
  ) throws(TuningError) -> TuningFigures? {
    let requests = part == .tuned ? traffic.tuned : traffic.heldBack
    let instances = roles.map { cluster.divided($0) } ?? cluster
    defer { finishedRequests += requests.count }
    let run = try run(policy, instances, requests, rateScale, note, clock, onProgress)
    return run.map { TuningFigures($0.scorecard) }
  }

  /// A class alone: some of its requests, each on an idle engine; nil when it was interrupted.
  func alone(
    _ index: Int, _ policy: PolicyDocument, _ clock: () -> Int, _ onProgress: (TuningProgress) -> Bool
  ) throws(TuningError) -> TuningClass? {
    let entry = traffic.mix.entries[index]
    let all = traffic.tuned.filter { $0.classIndex == index }
    let requests = all.prefix(TuningClass.requestsMax).enumerated().map { number, request in
      var request = request
      request.arrivalUs = Int64(number) * TuningClass.gapUs
      request.model = 0
      return request
    }
    let one = Cluster(cluster.instances[0].profile)
    let run = try run(policy, one, requests, 1, "\(entry.name) alone", clock, onProgress)
    guard let card = run?.scorecard else { return nil }
    return TuningClass(
      entry: entry, requests: all.count, aloneRatio: card.withinSLORatio,
      aloneTTFTP99Us: card.all.ttftUs.quantile(0.99), aloneTPOTP99Us: card.all.tpotUs.quantile(0.99))
  }

  private func run(
    _ policy: PolicyDocument, _ cluster: Cluster, _ requests: [WorkloadRequest], _ rateScale: Double, _ note: String,
    _ clock: () -> Int, _ onProgress: (TuningProgress) -> Bool
  ) throws(TuningError) -> SimulationRun? {
    let source = WorkloadSource(
      .list(name: traffic.name, requests), mix: traffic.mix, seed: traffic.seed)
    var simulation: Simulation
    do throws(WorkloadError) {
      simulation = try Simulation(cluster: cluster, options: options, source: source, rateScale: rateScale)
    } catch { throw .run(.workload(error)) }
    simulation.events = events
    let contender = Contender(policy: policy.config, time: simulation.profile.time)
    do throws(EngineRunError) {
      let run = try simulation.run(contender, clock: clock) { progress in
        onProgress(
          TuningProgress(
            finishedRequests: finishedRequests + progress.finishedRequests, totalRequests: plannedRequests, note: note))
      }
      return run.isComplete ? run : nil
    } catch { throw .run(error) }
  }

  /// What the planner of roles says of two engines like the first under the tuned traffic, however often it came.
  func divisionOfTwo(isPaced: Bool) -> RoleDecision {
    let profile = cluster.instances[0].profile
    let engine = RoleEngine(
      time: profile.time, kvCapacityTokens: options.kvCapacityTokens ?? profile.kvCapacityTokens,
      kvBytesPerToken: profile.kvBytesPerToken, transferBytesPerS: Int(cluster.transferBytesPerS), isPaced: isPaced)
    let outputs = traffic.tuned.map(\.outputTokens).sorted()
    let count = max(1, traffic.tuned.count)
    let entries = traffic.mix.entries
    let load = RoleLoad(
      requestsPerKiloS: Self.everythingPerKiloS,
      promptTokens: traffic.tuned.reduce(0) { $0 + $1.promptTokens } / count,
      outputTokens: outputs.reduce(0, +) / count, shortOutputTokens: outputs.isEmpty ? 0 : outputs[count / 100],
      ttftSLOUs: (entries.map(\.ttftSLOMs).min() ?? 1) * 1_000, tpotSLOUs: traffic.mix.tightestTPOTMs * 1_000)
    var planner = RolePlanner(engine: engine, engines: 2)
    return planner.decide(load, nowUs: 0)
  }

  /// More than any engine serves: the forecast then is the engine's own limit.
  private static let everythingPerKiloS = 1_000_000_000
}
