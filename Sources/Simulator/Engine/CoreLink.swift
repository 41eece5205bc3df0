import SchedulerCore
import WireProtocol

/// The very core of the sidecar, called in process.
public struct CoreLink: SchedulerLink {
  public let policyName: String
  private let policy: PolicyConfig
  private var core: SchedulerCore?
  private var plan = StepPlan()
  private var resources = ResourceSnapshot.unknown
  private var waits = WaitJudge()

  public init(policy: PolicyConfig) {
    self.policy = policy
    policyName = policy.name
  }

  public mutating func register(_ engine: EngineDescription) throws(EngineRunError) -> UInt64 {
    core = SchedulerCore(engine: engine, policy: policy)
    return 1
  }

  public mutating func step(_ delta: StepDelta, into reply: inout StepReply) throws(EngineRunError) {
    do throws(StepRejection) { try core!.apply(delta) } catch {
      throw .refused(seq: delta.seq, error: .resync(error, retryAfterMs: 0))
    }
    core!.plan(resources: resources, into: &plan)
    reply.set(plan, epoch: delta.epoch, seq: delta.seq)
  }

  public mutating func setMemoryLevel(_ level: MemoryPressureLevel) {
    resources.memoryLevel = level
    resources.generation += 1
  }

  public mutating func setBandwidths(hostLink: Int?, disk: Int?) {
    resources.hostLinkBytesPerS = hostLink
    resources.diskBytesPerS = disk
    resources.generation += 1
  }

  public mutating func judgeWaits(_ delta: StepDelta) { waits.note(delta, plan, &core!) }
  public var waitScore: WaitScore { waits.score }

  public mutating func finish() { core = nil }
}
