import SchedulerCore
import WireProtocol

@testable import Simulator

/// A scheduler that plans nothing and remembers the output limit of the last arrival.
struct LengthProbe: SchedulerLink {
  let policyName = "probe"
  private(set) var maxOutput: Int?

  mutating func register(_ engine: EngineDescription) -> UInt64 { 1 }

  mutating func step(_ delta: StepDelta, into reply: inout StepReply) {
    maxOutput = delta.arrived.maxOutput.last ?? maxOutput
    reply.set(StepPlan(), epoch: delta.epoch, seq: delta.seq)
  }

  mutating func finish() {}
}
