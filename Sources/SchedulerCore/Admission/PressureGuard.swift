/// What the machine's memory level means for plans. From `shrink` on nothing is moved to host memory any more: who is
/// preempted is computed again. At `close` the next allocation may end in a kill, so nobody new joins either: running
/// requests go on, preempted ones may return, and the rest wait for the level to fall.
struct PressureGuard: Codable, Sendable {
  private var headroomBytes: Int?
  /// KV may go to host memory.
  private(set) var allowsHostTier = true

  mutating func open(_ resources: ResourceSnapshot) {
    allowsHostTier = resources.memoryLevel == .none || resources.memoryLevel == .warn
    headroomBytes = resources.memoryLevel == .close ? resources.memoryHeadroomBytes.value ?? 0 : nil
  }

  /// Why a waiting request may not join now; nil if it may.
  func objection(to request: Request) -> Reason? {
    guard let headroomBytes, request.requeueSerial == 0 else { return nil }
    return .waitingMemory(headroomBytes: headroomBytes)
  }
}
