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
    let workload = RecordedWorkload(requests, judgedBy: after.config)
    return [
      "kind": "simulation_from_recorded_arrivals", "profile": .string(profile.name),
      "requests": JSONValue(requests.count), "guessed_outputs": JSONValue(requests.count { $0.isGuessed }),
      "objectives": .string(after.config.name), "before": try simulate(before.config, engine, workload),
      "after": try simulate(after.config, engine, workload),
    ]
  }

  private func simulate(
    _ policy: PolicyConfig, _ engine: EngineDescription, _ workload: RecordedWorkload
  ) throws(CommandFailure) -> JSONValue {
    var simulated = ReferenceEngine(
      profile: profile, options: EngineOptions(recorded: engine), mix: workload.mix,
      workload: ListWorkload(workload.requests), link: CoreLink(policy: policy))
    do throws(EngineRunError) {
      return try simulated.run(clock: MonotonicClock.nowNs, onProgress: { _ in true }).json
    } catch { throw CommandFailure(.failed, "\(policy.name): \(error.description)") }
  }
}
