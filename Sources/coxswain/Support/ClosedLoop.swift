import Policy
import SchedulerCore
import Sidecar
import Simulator
import WireProtocol

/// The recorded arrivals through a simulated engine, once under each policy.
struct ClosedLoop {
  /// Requests that are simulated, the latest ones.
  static let requestLimit = 20_000

  private let profile: GPUProfile
  private let traffic: RecordedTraffic

  /// - Throws: when the recording cannot be replayed.
  init(recording: Recording, profile: GPUProfile) throws(CommandFailure) {
    self.profile = profile
    do throws(ReplayDifference) { traffic = try RecordedTraffic(recording) } catch {
      throw CommandFailure(.failed, "the recording cannot be replayed: \(error.text)")
    }
  }

  /// Both are judged by the objectives of the new policy.
  func run(before: PolicyDocument, after: PolicyDocument) throws(CommandFailure) -> JSONValue {
    let requests = traffic.requests.suffix(Self.requestLimit)
    guard !requests.isEmpty, let engine = traffic.engine else {
      return ["kind": "simulation_from_recorded_arrivals", "requests": 0, "before": nil, "after": nil]
    }
    let before = before.tailored(to: engine.model.id)
    let after = after.tailored(to: engine.model.id)
    let mix = ClassMix(
      entries: after.config.classes.map {
        ClassMix.Entry(
          name: $0.name, share: 1, ttftSLOMs: $0.ttftSLOMs, tpotSLOMs: $0.tpotSLOMs, weight: $0.weight)
      })
    let first = requests.first?.arrivalUs ?? 0
    let workload = requests.map { recorded in
      WorkloadRequest(
        id: recorded.id, arrivalUs: recorded.arrivalUs - first, tenant: recorded.tenant,
        classIndex: after.config.classes.firstIndex { $0.name == recorded.className }
          ?? after.config.classes.firstIndex { $0.name == after.config.defaultClass } ?? 0,
        promptTokens: recorded.promptTokens, outputTokens: recorded.outputTokens)
    }
    return [
      "kind": "simulation_from_recorded_arrivals", "profile": .string(profile.name),
      "requests": JSONValue(requests.count), "guessed_outputs": JSONValue(requests.count { $0.isGuessed }),
      "objectives": .string(after.config.name), "before": try simulate(before.config, engine, mix, workload),
      "after": try simulate(after.config, engine, mix, workload),
    ]
  }

  private func simulate(
    _ policy: PolicyConfig, _ engine: EngineDescription, _ mix: ClassMix, _ requests: [WorkloadRequest]
  ) throws(CommandFailure) -> JSONValue {
    var options = EngineOptions()
    options.inFlightMax = engine.inFlightMax
    options.stepTokens = engine.limits.stepTokens
    options.sequences = engine.limits.sequences
    if let group = engine.model.kvGroups.first, let pool = engine.model.pools.first {
      options.kvCapacityTokens = pool.blocks * group.blockTokens
    }
    var simulated = ReferenceEngine(
      profile: profile, options: options, mix: mix, workload: ListWorkload(requests), link: CoreLink(policy: policy))
    do throws(EngineRunError) {
      return try simulated.run(clock: MonotonicClock.nowNs, onProgress: { _ in true }).json
    } catch { throw CommandFailure(.failed, "\(policy.name): \(error.description)") }
  }
}
