/// Waiting requests that never ran, in the orders in which admission turns them away: the newest first where too many
/// wait, and by the time at which they have to start where they are to be in time. Empty where the policy asks for
/// neither. O(log waiting) per change.
struct AdmissionLines: Codable, Sendable {
  private let rules: AdmissionRules
  private var newest = SlotHeap()
  private var starts = SlotHeap()

  init(policy: PolicyConfig) { rules = policy.admission }

  /// Somebody may have to be turned away or set aside.
  var isOn: Bool { rules.queueDepth != nil || rules.infeasible != .keep }

  /// Puts a slot where it belongs.
  /// - Parameter latestStartUs: session time at which its prefill has to begin for the first token to be in time.
  mutating func update(slot: Int, request: Request, latestStartUs: Int64, ids: ContiguousArray<String>) {
    guard request.isCandidate, request.requeueSerial == 0, request.computedTokens == 0 else {
      newest.remove(slot, ids)
      return starts.remove(slot, ids)
    }
    if rules.queueDepth != nil { newest.insert(slot, SlotHeap.Key(0 &- request.arrivalUs), ids) }
    if rules.infeasible != .keep { starts.insert(slot, SlotHeap.Key(latestStartUs), ids) }
  }

  /// Starts a walk from the newest arrival on. The lines must not change until it is over.
  mutating func beginNewest() { newest.beginWalk() }
  mutating func nextNewest(_ ids: ContiguousArray<String>) -> Int? { newest.next(ids) }

  /// Starts a walk over those that cannot be in time any more, the latest first.
  mutating func beginLate() { starts.beginWalk() }

  /// The next one, and by how much it is too late, in microseconds.
  mutating func nextLate(nowUs: Int64, _ ids: ContiguousArray<String>) -> (slot: Int, lateUs: Int64)? {
    guard let slot = starts.next(ids) else { return nil }
    let lateUs = nowUs &- starts.key(of: slot).first
    return lateUs > 0 ? (slot, lateUs) : nil
  }

  /// Takes out the next one that cannot be in time any more, once for all.
  mutating func takeLate(nowUs: Int64, _ ids: ContiguousArray<String>) -> Int? {
    guard let slot = starts.first, starts.key(of: slot).first < nowUs else { return nil }
    starts.remove(slot, ids)
    return slot
  }
}
