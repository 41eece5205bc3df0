/// GPU time that falls due by each moment to come, in bins that are fine near by and coarse further on, and the rule
/// that says who gives way where it is more than there is (Moore, "An n job, one machine sequencing algorithm", 1968,
/// with value per GPU time in place of a count).
struct DemandBins: Codable, Sendable {
  struct Candidate: Codable, Sendable {
    var slot: Int32
    /// When its first token is due.
    var deadlineUs: Int64
    var prefillUs: Double
    /// Output tokens expected after that.
    var restTokens: Double
    var tpotUs: Double
    /// GPU time of one of them.
    var decodeUs: Double
    /// Weight per microsecond of GPU time.
    var density: Double
    var isRelegated = false
  }

  /// What candidates are put in order by, apart from them: they are too large to be moved about.
  private struct Place: Codable, Sendable {
    var deadlineUs: Int64
    var slot: Int32
    var index: Int32

    func precedes(_ other: Place) -> Bool {
      deadlineUs == other.deadlineUs ? slot < other.slot : deadlineUs < other.deadlineUs
    }
  }

  static let fineUs = 100_000.0
  static let fineBins = 25
  static let coarseUs = 1_000_000.0
  static let bins = 90
  /// Candidates looked at in one go; further ones are less urgent.
  static let candidatesMax = 256

  private var nowUs: Int64 = 0
  /// Demand of each bin beside that of `slope`, in microseconds of GPU time.
  private var amount: ContiguousArray<Double> = []
  /// Change of the rate of demand at the start of each bin, in GPU time per time.
  private var slope: ContiguousArray<Double> = []
  private(set) var candidates: ContiguousArray<Candidate> = []
  private var order: ContiguousArray<Place> = []
  /// The storage that the candidates are put in order in.
  private var spare: ContiguousArray<Candidate> = []
  /// Candidates whose demand is in the sum and who have not given way.
  private var byDensity = DensityHeap()

  init() {}

  mutating func open(nowUs: Int64) {
    self.nowUs = nowUs
    amount.removeAll(keepingCapacity: true)
    amount.append(contentsOf: repeatElement(0, count: Self.bins + 1))
    slope.removeAll(keepingCapacity: true)
    slope.append(contentsOf: repeatElement(0, count: Self.bins + 1))
    candidates.removeAll(keepingCapacity: true)
  }

  mutating func add(_ candidate: Candidate) { candidates.append(candidate) }

  /// A prefill that goes on whatever else gives way.
  mutating func addPrefill(dueUs: Int64, costUs: Double) {
    amount[Self.bin(Double(dueUs - nowUs))] += costUs
  }

  /// `tokens` tokens, one every `tpotUs` from `fromUs` on, `costUs` each.
  mutating func addDecode(fromUs: Int64, tokens: Double, tpotUs: Double, costUs: Double) {
    spread(fromUs, tokens, tpotUs, costUs, sign: 1)
  }

  // MARK: - Bins

  private static func bin(_ aheadUs: Double) -> Int {
    let fineEnd = fineUs * Double(fineBins)
    if aheadUs < fineEnd { return max(0, Int(aheadUs / fineUs)) }
    return min(bins - 1, fineBins + Int((aheadUs - fineEnd) / coarseUs))
  }

  /// Microseconds from now to the start of a bin.
  private static func start(_ bin: Int) -> Double {
    bin <= fineBins ? Double(bin) * fineUs : Double(fineBins) * fineUs + Double(bin - fineBins) * coarseUs
  }

  /// An even rate over a span of time: its slope changes at the bins' borders, and the parts of the first and the last
  /// bin that it does not cover come off.
  private mutating func spread(_ fromUs: Int64, _ tokens: Double, _ tpotUs: Double, _ costUs: Double, sign: Double) {
    let begin = max(0, Double(fromUs - nowUs))
    let end = begin + tokens * tpotUs
    let rate = sign * costUs / max(1, tpotUs)
    let first = Self.bin(begin)
    let last = Self.bin(end)
    slope[first] += rate
    amount[first] -= rate * (begin - Self.start(first))
    guard end < Self.start(Self.bins) else { return }
    slope[last + 1] -= rate
    amount[last] -= rate * (Self.start(last + 1) - end)
  }

  // MARK: - Who gives way

  /// Marks the candidates that give way so that the others can be in time.
  /// - Parameter supplyShare: share of the time that is left for work.
  mutating func relegate(supplyShare: Double) {
    putInOrder()
    byDensity.removeAll()
    var next = 0
    // Those of them that the heap holds: as long as all can be in time it is not needed.
    var held = 0
    var rate = 0.0
    var sum = 0.0
    for bin in 0..<Self.bins {
      while next < candidates.count, Self.bin(Double(candidates[next].deadlineUs - nowUs)) <= bin {
        take(next, bin)
        next += 1
      }
      rate += slope[bin]
      sum += amount[bin] + rate * (Self.start(bin + 1) - Self.start(bin))
      while sum > Self.start(bin + 1) * supplyShare {
        for index in held..<next { byDensity.insert(index, density: candidates[index].density) }
        held = next
        guard let victim = byDensity.popFirst() else { break }
        candidates[victim].isRelegated = true
        let before = demand(victim, upTo: bin)
        giveBack(victim, after: bin)
        sum -= before
      }
    }
  }

  private mutating func take(_ index: Int, _ bin: Int) {
    let candidate = candidates[index]
    amount[bin] += candidate.prefillUs
    spread(candidate.deadlineUs, candidate.restTokens, candidate.tpotUs, candidate.decodeUs, sign: 1)
  }

  /// By deadline, then slot.
  private mutating func putInOrder() {
    order.removeAll(keepingCapacity: true)
    for index in candidates.indices {
      order.append(
        Place(deadlineUs: candidates[index].deadlineUs, slot: candidates[index].slot, index: Int32(index)))
    }
    order.sort { $0.precedes($1) }
    spare.removeAll(keepingCapacity: true)
    for place in order { spare.append(candidates[Int(place.index)]) }
    swap(&candidates, &spare)
  }

  /// What a candidate adds to the sum over the bins up to `bin`.
  private func demand(_ index: Int, upTo bin: Int) -> Double {
    let candidate = candidates[index]
    let begin = max(0, Double(candidate.deadlineUs - nowUs))
    let end = min(begin + candidate.restTokens * candidate.tpotUs, Self.start(bin + 1))
    return candidate.prefillUs + max(0, end - begin) * candidate.decodeUs / max(1, candidate.tpotUs)
  }

  /// Takes the decode demand of the bins after `bin` back.
  private mutating func giveBack(_ index: Int, after bin: Int) {
    let candidate = candidates[index]
    let begin = max(0, Double(candidate.deadlineUs - nowUs))
    let end = begin + candidate.restTokens * candidate.tpotUs
    let from = Self.start(bin + 1)
    guard end > from else { return }
    let perUs = candidate.decodeUs / max(1, candidate.tpotUs)
    // Up to here the rate runs on; from the next bin on the opposite of what is left cancels it.
    slope[bin + 1] -= perUs
    guard end < Self.start(Self.bins) else { return }
    let last = Self.bin(end)
    slope[last + 1] += perUs
    amount[last] += perUs * (Self.start(last + 1) - end)
  }
}
