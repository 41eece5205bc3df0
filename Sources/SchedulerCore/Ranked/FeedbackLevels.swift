/// The skip-join multi-level feedback queue of FastServe (Wu et al., arXiv 2305.05920; its scheduler.py): level i has a
/// quantum of 10 ms * 2^i. A request joins the first level whose quantum covers its prefill; one that has run longer
/// than its level's quantum drops to the front of the next; one that nobody served for 3 s rises to the very front.
///
/// A request's time is that of the iterations it was in, as measured. O(log waiting) per change.
struct FeedbackLevels: Codable, Sendable {
  static let baseQuantumUs: Int64 = 10_000
  static let starvationUs: Int64 = 3_000_000
  /// The last level; its quantum is 2.9 hours.
  static let lastLevel = 20
  /// Starving requests stand before everybody else of their level, the one unserved longest first.
  private static let starvingPlace = Int64.min / 2

  private struct Entry: Codable, Sendable {
    var serial: RequestSerial = 0
    var level = 0
    /// Smaller is further in front within the level.
    var place: Int64 = 0
    /// What the request was served when it entered the level.
    var startUs: Int64 = 0
    var isStarving = false
  }

  /// Slot -> where it stands.
  private var entries: ContiguousArray<Entry> = []
  /// Waiting slots by the moment since which nobody served them.
  private var unserved = SlotHeap()
  /// Grows with each place that is given.
  private var lastPlace: Int64 = 0

  static func quantumUs(_ level: Int) -> Int64 { baseQuantumUs << Int64(min(level, lastLevel)) }

  func level(of slot: Int) -> Int { entries[slot].level }

  func key(of slot: Int, _ request: Request) -> SlotHeap.Key {
    SlotHeap.Key(Int64(entries[slot].level), entries[slot].place, request.arrivalUs)
  }

  /// Takes note of a request that changed, or that was served: joins it if it is new, and drops it if it overran.
  mutating func update(slot: Int, request: Request, prefillUs: Int64, ids: ContiguousArray<String>) {
    if slot >= entries.count {
      entries.append(contentsOf: repeatElement(Entry(), count: slot + 1 - entries.count))
    }
    guard request.isLive else { return unserved.remove(slot, ids) }
    if entries[slot].serial != request.serial { join(slot, request, prefillUs) }
    if request.servedUs - entries[slot].startUs > Self.quantumUs(entries[slot].level) {
      entries[slot].level = min(Self.lastLevel, entries[slot].level + 1)
      entries[slot].startUs = request.servedUs
      entries[slot].isStarving = false
      lastPlace += 1
      entries[slot].place = -lastPlace
    }
    if request.isCandidate, !entries[slot].isStarving {
      unserved.insert(slot, SlotHeap.Key(Self.unservedSince(request)), ids)
    } else {
      unserved.remove(slot, ids)
    }
  }

  private mutating func join(_ slot: Int, _ request: Request, _ prefillUs: Int64) {
    lastPlace += 1
    entries[slot] = Entry(serial: request.serial, place: lastPlace, startUs: request.servedUs)
    while entries[slot].level < Self.lastLevel, Self.quantumUs(entries[slot].level) < prefillUs {
      entries[slot].level += 1
    }
  }

  /// Lets the waiting requests rise that nobody has served for too long. Hands over their slots.
  mutating func promoteWaiting(nowUs: Int64, _ table: RequestTable) -> ContiguousArray<Int32> {
    var risen: ContiguousArray<Int32> = []
    while let slot = unserved.first, unserved.key(of: slot).first <= nowUs - Self.starvationUs {
      unserved.remove(slot, table.ids)
      rise(slot, table.requests[slot])
      risen.append(Int32(slot))
    }
    return risen
  }

  /// Lets a running request rise that has been paused for too long.
  mutating func promoteRunning(slot: Int, request: Request, nowUs: Int64) {
    guard !entries[slot].isStarving, Self.unservedSince(request) <= nowUs - Self.starvationUs else { return }
    rise(slot, request)
  }

  private mutating func rise(_ slot: Int, _ request: Request) {
    entries[slot].level = 0
    entries[slot].startUs = request.servedUs
    entries[slot].isStarving = true
    entries[slot].place = Self.starvingPlace + Self.unservedSince(request)
  }

  private static func unservedSince(_ request: Request) -> Int64 {
    request.lastServedUs >= 0 ? request.lastServedUs : request.arrivalUs
  }
}
