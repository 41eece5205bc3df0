import SchedulerCore
import WireProtocol

@testable import Simulator

/// A link that writes down what goes over it.
struct LoggedLink: SchedulerLink {
  var link: CoreLink
  let log: PlanLog

  var policyName: String { link.policyName }

  mutating func register(_ engine: EngineDescription) throws(EngineRunError) -> UInt64 { try link.register(engine) }

  mutating func step(_ delta: StepDelta, into reply: inout StepReply) throws(EngineRunError) {
    try link.step(delta, into: &reply)
    log.entries.append(
      PlanLog.Entry(
        requeue: Array(reply.requeue), decodesAll: reply.decodesAll, run: reply.run.map { ($0.h, $0.n) },
        trees: reply.run.count { !$0.shape.isChain }, arrived: Array(delta.arrived.h), freeBlocks: delta.kvFreeBlocks[0]
      ))
  }

  mutating func finish() { link.finish() }
}
