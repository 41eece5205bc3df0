/// Uses of blocks in order of time, each watched as it ages: what the reuse model learns from. A use passes one age
/// limit after the other, and what it did until then is counted when it passes, so that blocks that never come back
/// count as much as those that do.
struct ReuseHistory: Codable, Sendable {
  private struct Use: Codable, Sendable {
    var slot: Int32
    var kind: Int32
    var us: Int64
    /// When the block was used again; `never` until then.
    var nextUs: Int64
  }

  private static let never = Int64.max

  private let usesMax: Int
  private var uses: ContiguousArray<Use> = []
  /// Number of the first use in `uses`; uses are numbered from 0 over the whole session.
  private var firstNumber = 0
  /// For each age limit the number of the first use that has not passed it.
  private var passed = ContiguousArray(repeating: 0, count: ReuseModel.bins - 1)
  private var head = 0

  init(usesMax: Int) { self.usesMax = usesMax }

  /// Number that the next use gets.
  var nextNumber: Int { firstNumber + uses.count - head }

  func contains(_ number: Int) -> Bool { number >= firstNumber }

  mutating func add(slot: Int32, kind: Int, us: Int64) {
    uses.append(Use(slot: slot, kind: Int32(kind), us: us, nextUs: Self.never))
  }

  mutating func end(_ number: Int, us: Int64) {
    guard contains(number) else { return }
    uses[head + number - firstNumber].nextUs = us
  }

  /// Counts every use that passed an age limit by `nowUs`. Amortised O(1) per use and limit.
  mutating func age(to nowUs: Int64, _ model: inout ReuseModel) {
    for limit in passed.indices {
      let edgeUs = ReuseModel.edgeUs(limit)
      let lowerUs = limit > 0 ? ReuseModel.edgeUs(limit - 1) : 0
      var number = max(passed[limit], firstNumber)
      while number < nextNumber {
        let use = uses[head + number - firstNumber]
        guard nowUs - use.us >= edgeUs else { break }
        let ageUs = use.nextUs == Self.never ? Int64.max : use.nextUs - use.us
        if ageUs >= lowerUs {
          model.observe(
            kind: Int(use.kind), bin: limit, us: min(edgeUs, ageUs) - lowerUs, wasUsed: ageUs < edgeUs)
        }
        number += 1
      }
      passed[limit] = number
    }
  }

  /// Takes the oldest use out if there are too many; nil when there are not.
  mutating func takeExcess() -> (slot: Int32, number: Int)? {
    guard uses.count - head > usesMax else { return nil }
    let oldest = (slot: uses[head].slot, number: firstNumber)
    head += 1
    firstNumber += 1
    if head > 1_024, head * 2 > uses.count {
      uses.removeFirst(head)
      head = 0
    }
    return oldest
  }
}
