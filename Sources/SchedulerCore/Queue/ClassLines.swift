/// Waiting requests class by class, for policies that allot capacity to classes: who is next in each, and how much
/// waits there. Empty under the others.
struct ClassLines: Codable, Sendable {
  private struct LinePlace: Codable, Sendable {
    var index: Int32 = -1
    var tokens = 0
  }

  private var lines: ContiguousArray<SlotHeap>
  private var entries: ContiguousArray<LinePlace> = []
  private var waitingTokens: ContiguousArray<Int>

  init(policy: PolicyConfig) {
    let count = policy.sharesCapacity ? policy.classes.count : 0
    lines = ContiguousArray(repeating: SlotHeap(), count: count)
    waitingTokens = ContiguousArray(repeating: 0, count: count)
  }

  var isOn: Bool { !lines.isEmpty }

  /// Requests of a class that wait.
  func count(_ index: Int) -> Int { lines[index].count }

  /// Tokens that a class's waiting requests still have to compute.
  func tokens(_ index: Int) -> Int { waitingTokens[index] }

  /// Puts a candidate where its key belongs. O(log waiting).
  mutating func insert(
    _ slot: Int, index: Int, tokens: Int, _ key: SlotHeap.Key, _ ids: ContiguousArray<String>
  ) {
    remove(slot, ids)
    if slot >= entries.count {
      entries.append(contentsOf: repeatElement(LinePlace(), count: slot + 1 - entries.count))
    }
    entries[slot] = LinePlace(index: Int32(index), tokens: tokens)
    waitingTokens[index] += tokens
    lines[index].insert(slot, key, ids)
  }

  /// Gives a candidate another key.
  mutating func move(_ slot: Int, _ key: SlotHeap.Key, _ ids: ContiguousArray<String>) {
    guard slot < entries.count, entries[slot].index >= 0 else { return }
    lines[Int(entries[slot].index)].insert(slot, key, ids)
  }

  /// Takes a slot out if it is in.
  mutating func remove(_ slot: Int, _ ids: ContiguousArray<String>) {
    guard slot < entries.count, entries[slot].index >= 0 else { return }
    let index = Int(entries[slot].index)
    waitingTokens[index] -= entries[slot].tokens
    lines[index].remove(slot, ids)
    entries[slot].index = -1
  }

  /// Starts a walk over one class, best first. Its line must not change until the walk is over.
  mutating func beginWalk(_ index: Int) { lines[index].beginWalk() }

  mutating func next(_ index: Int, _ ids: ContiguousArray<String>) -> Int? { lines[index].next(ids) }
}
