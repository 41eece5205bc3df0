import SchedulerCore
import Sidecar
import Simulator

/// Recorded requests as a workload, with the classes and limits of a policy.
struct RecordedWorkload {
  let mix: ClassMix
  /// The first one comes at 0.
  let requests: [WorkloadRequest]

  /// - Parameter policy: a class that it does not list is its default class.
  init(_ recorded: some Collection<RecordedTraffic.Request>, judgedBy policy: PolicyConfig) {
    mix = ClassMix(
      entries: policy.classes.map {
        ClassMix.Entry(
          name: $0.name, share: 1, ttftSLOMs: $0.ttftSLOMs, tpotSLOMs: $0.tpotSLOMs, weight: $0.weight)
      })
    let first = recorded.first?.arrivalUs ?? 0
    requests = recorded.map { recorded in
      WorkloadRequest(
        id: recorded.id, arrivalUs: recorded.arrivalUs - first, tenant: recorded.tenant,
        classIndex: policy.classes.firstIndex { $0.name == recorded.className }
          ?? policy.classes.firstIndex { $0.name == policy.defaultClass } ?? 0,
        promptTokens: recorded.promptTokens, outputTokens: recorded.outputTokens)
    }
  }
}
