import Glibc
import SchedulerCore
import Simulator
import WireProtocol

/// Holds each Step back until its virtual time has passed for real, so that a sidecar meets the pace of a GPU.
struct PacedLink: SchedulerLink {
  private var link: any SchedulerLink
  /// Monotonic nanoseconds at virtual time 0; nil before the first Step.
  private var startNs: Int?

  init(_ link: any SchedulerLink) { self.link = link }

  var policyName: String { link.policyName }

  mutating func register(_ engine: EngineDescription) throws(EngineRunError) -> UInt64 { try link.register(engine) }

  mutating func step(_ delta: StepDelta, into reply: inout StepReply) throws(EngineRunError) {
    let virtualNs = Int(delta.nowUs) * 1_000
    let start = startNs ?? MonotonicClock.nowNs() - virtualNs
    startNs = start
    let dueNs = start + virtualNs
    var due = timespec(tv_sec: dueNs / 1_000_000_000, tv_nsec: dueNs % 1_000_000_000)
    // A signal does not make it early.
    while clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &due, nil) == EINTR {}
    try link.step(delta, into: &reply)
  }

  mutating func setMemoryLevel(_ level: MemoryPressureLevel) { link.setMemoryLevel(level) }
  mutating func setBandwidths(hostLink: Int?, disk: Int?) { link.setBandwidths(hostLink: hostLink, disk: disk) }
  mutating func finish() { link.finish() }
}
