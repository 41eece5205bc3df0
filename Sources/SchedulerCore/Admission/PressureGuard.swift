/// What the machine's memory level means for admission. At `close` the next allocation may end in a kill, so nobody new
/// joins: running requests go on, preempted ones may return, and the rest wait for the level to fall. `warn` and
/// `shrink` concern pools, not requests.
struct PressureGuard: Codable, Sendable {
  private var headroomBytes: Int?

  mutating func open(_ resources: ResourceSnapshot) {
    headroomBytes = resources.memoryLevel == .close ? resources.memoryHeadroomBytes.value ?? 0 : nil
  }

  /// Why a waiting request may not join now; nil if it may.
  func objection(to request: Request) -> Reason? {
    guard let headroomBytes, request.requeueSerial == 0 else { return nil }
    return .waitingMemory(headroomBytes: headroomBytes)
  }
}
