import SchedulerCore

/// Which Step a session takes next (Docs/wire.md, session rules 10 and 11). The same for live sessions and replays.
struct StepOrder: Sendable {
  let epoch: UInt64
  private(set) var lastSeq: UInt64
  private(set) var isSyncing: Bool

  init(epoch: UInt64, lastSeq: UInt64 = 0, isSyncing: Bool = true) {
    self.epoch = epoch
    self.lastSeq = lastSeq
    self.isSyncing = isSyncing
  }

  func check(_ delta: StepDelta) throws(StepRejection) {
    guard delta.epoch == epoch else {
      throw StepRejection(field: "/epoch", reason: "\(delta.epoch); expected \(epoch)")
    }
    guard delta.seq == lastSeq + 1 else {
      throw StepRejection(field: "/seq", reason: "\(delta.seq); expected \(lastSeq + 1)")
    }
    guard !delta.sync || isSyncing else {
      throw StepRejection(field: "/sync", reason: "true after a Step without it; expected false until Register")
    }
  }

  /// The Step counts.
  mutating func accept(_ delta: StepDelta) {
    lastSeq = delta.seq
    if !delta.sync { isSyncing = false }
  }
}
