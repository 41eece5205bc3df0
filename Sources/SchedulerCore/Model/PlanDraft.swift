/// A plan in the making: who runs with how much, who is preempted, who is left out, and why. Stages read and extend it;
/// the core turns it into a `StepPlan` at the end. Slots are marked by serial, so that starting anew costs nothing.
struct PlanDraft: Codable, Sendable {
  enum Mark: UInt8, Codable, Sendable { case open, scheduled, preempted, truncated, leftOut }

  struct LeftOut: Codable, Sendable {
    var slot: Int32
    var reason: Reason
  }

  /// Reasons in one reply; beyond it decisions stay explainable through the counters only.
  static let reasonsMax = 256

  private(set) var items: ContiguousArray<PlannedStep.Item> = []
  private(set) var verbs: ContiguousArray<PlannedStep.Verb> = []
  /// SSD swaps among `verbs`, by slot; the others go to CPU memory.
  private(set) var swappedToSSD: ContiguousArray<Int32> = []
  private(set) var aborted: ContiguousArray<Int32> = []
  private(set) var leftOut: ContiguousArray<LeftOut> = []
  /// Waiting requests among `items`.
  private(set) var admittedCount = 0
  private(set) var reasons: ContiguousArray<PlanReason> = []
  /// Blocks that requests left out for KV will give back once they may be preempted.
  private(set) var promisedBlocks = 0
  private(set) var preemptedCount = 0
  /// Running requests left out because blocks are short.
  private(set) var shortOfBlocks = 0
  /// The first waiting request passed over, with its one binding constraint.
  var binding: PlanReason?

  private struct SlotState: Codable, Sendable {
    var serial: UInt32
    var mark: Mark
    var item: Int32
  }
  private var slots: ContiguousArray<SlotState> = []
  private var serial: UInt32 = 0

  mutating func open(slotCount: Int) {
    serial &+= 1
    if serial == 0 {
      slots.removeAll(keepingCapacity: true)
      serial = 1
    }
    if slots.count < slotCount {
      let fresh = SlotState(serial: 0, mark: .open, item: -1)
      slots.append(contentsOf: repeatElement(fresh, count: slotCount - slots.count))
    }
    items.removeAll(keepingCapacity: true)
    verbs.removeAll(keepingCapacity: true)
    swappedToSSD.removeAll(keepingCapacity: true)
    aborted.removeAll(keepingCapacity: true)
    leftOut.removeAll(keepingCapacity: true)
    reasons.removeAll(keepingCapacity: true)
    admittedCount = 0
    promisedBlocks = 0
    preemptedCount = 0
    shortOfBlocks = 0
    binding = nil
  }

  func mark(of slot: Int) -> Mark {
    let state = slots[slot]
    return state.serial == serial ? state.mark : .open
  }

  mutating func schedule(
    slot: Int, handle: RequestHandle, n: Int, k: Int, shape: DraftShape = .chain, isRunning: Bool
  ) {
    slots[slot] = SlotState(serial: serial, mark: .scheduled, item: Int32(items.count))
    items.append(
      PlannedStep.Item(
        slot: Int32(slot), handle: handle, n: Int32(n), k: Int32(k), shape: shape,
        isPlainDecode: isRunning && n == 1 && k == 0))
  }

  /// Tokens that the plan gives a slot; 0 when it is not in it.
  func plannedTokens(slot: Int) -> Int {
    mark(of: slot) == .scheduled ? Int(items[Int(slots[slot].item)].n) : 0
  }

  /// Has a decode that is scheduled verify drafts too.
  mutating func addDrafts(slot: Int, _ k: Int, _ shape: DraftShape) {
    let index = Int(slots[slot].item)
    items[index].n += Int32(k)
    items[index].k += Int32(k)
    items[index].shape = shape
    items[index].isPlainDecode = false
  }

  mutating func countAdmission() { admittedCount += 1 }

  /// Takes a scheduled item back. Returns its tokens.
  mutating func unschedule(slot: Int) -> Int {
    let index = Int(slots[slot].item)
    let tokens = Int(items[index].n)
    items[index].n = 0
    slots[slot].mark = .open
    return tokens
  }

  mutating func preempt(slot: Int, verb: PlannedStep.Verb.Kind, keepTokens: Int = 0, toSSD: Bool = false) {
    slots[slot] = SlotState(serial: serial, mark: verb == .truncate ? .truncated : .preempted, item: -1)
    verbs.append(PlannedStep.Verb(kind: verb, slot: Int32(slot), keepTokens: keepTokens))
    if toSSD { swappedToSSD.append(Int32(slot)) }
    preemptedCount += 1
  }

  mutating func abort(slot: Int) {
    slots[slot] = SlotState(serial: serial, mark: .preempted, item: -1)
    aborted.append(Int32(slot))
  }

  mutating func leaveOut(slot: Int, handle: RequestHandle, reason: Reason, promisedBlocks blocks: Int = 0) {
    slots[slot] = SlotState(serial: serial, mark: .leftOut, item: -1)
    leftOut.append(LeftOut(slot: Int32(slot), reason: reason))
    promisedBlocks += blocks
    if case .pausedKV = reason { shortOfBlocks += 1 }
    explain(handle, reason)
  }

  /// Opens a request that was left out for another try.
  mutating func reopen(slot: Int) {
    slots[slot] = SlotState(serial: serial, mark: .open, item: -1)
    leftOut.removeAll { $0.slot == Int32(slot) }
  }

  mutating func explain(_ handle: RequestHandle, _ reason: Reason) {
    if reasons.count < Self.reasonsMax { reasons.append(PlanReason(h: handle, reason: reason)) }
  }

  /// Drops the items that were taken back.
  mutating func closeItems() {
    if preemptedCount > 0 || !leftOut.isEmpty { items.removeAll { $0.n == 0 } }
  }
}
