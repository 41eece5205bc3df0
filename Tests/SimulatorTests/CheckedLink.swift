import SchedulerCore
import Testing
import WireProtocol

@testable import Simulator

/// A link that holds every plan against the invariants of plans, and counts what it names of prefixes.
final class CheckedLink: SchedulerLink {
  struct Counts: Equatable {
    var evict = 0
    var pin = 0
    var unpin = 0
    var prefetch = 0
    var reasons: [String: Int] = [:]
  }

  let policyName = "checked"
  private let policy: PolicyConfig
  private let note: String
  private var core: SchedulerCore?
  private var plan = StepPlan()
  private var resources = ResourceSnapshot.unknown
  private(set) var counts = Counts()

  /// - Parameter note: what a failure says, such as the seed.
  init(policy: PolicyConfig, note: String) {
    self.policy = policy
    self.note = note
  }

  func register(_ engine: EngineDescription) throws(EngineRunError) -> UInt64 {
    core = SchedulerCore(engine: engine, policy: policy)
    return 1
  }

  func step(_ delta: StepDelta, into reply: inout StepReply) throws(EngineRunError) {
    do throws(StepRejection) { try core!.apply(delta) } catch {
      throw .refused(seq: delta.seq, error: .resync(error, retryAfterMs: 0))
    }
    core!.plan(resources: resources, into: &plan)
    let violations = core!.planViolations(plan) + core!.mirrorViolations()
    if !violations.isEmpty { Issue.record("\(note), Step \(delta.seq): \(violations)") }
    counts.evict += plan.cache?.evict.count ?? 0
    counts.pin += plan.cache?.pin.count ?? 0
    counts.unpin += plan.cache?.unpin.count ?? 0
    counts.prefetch += plan.cache?.prefetch.count ?? 0
    for reason in plan.reasons where reason.reason.code.hasPrefix("cache_") {
      counts.reasons[reason.reason.code, default: 0] += 1
    }
    reply.set(plan, epoch: delta.epoch, seq: delta.seq)
  }

  func setBandwidths(hostLink: Int?, disk: Int?) {
    resources.hostLinkBytesPerS = hostLink
    resources.diskBytesPerS = disk
  }

  func finish() {}
}
