/// How soon blocks of each kind are asked for again, learned from what happened: proportional hazards over the time
/// since their last use (Cox, 1972), one curve for all kinds and one factor for each, from which a kind departs as far
/// as its own evidence goes. A kind of which little was seen is taken for one like the others of its family.
///
/// All blocks of a prompt share its fate, so evidence is weighed in requests: a prior counts for so many requests'
/// worth of blocks, whatever the size of a block.
///
/// The value of keeping a block is the Gittins index of the bet on its reuse (Gittins, 1979): the best ratio, over all
/// times at which one could give up, of the chance that it was used by then to the time that it was kept. Hit density
/// (LHD, NSDI 2018) is the same ratio without the choice of when to stop.
struct ReuseModel: Codable, Sendable {
  /// Ages are told apart by half octaves from a quarter of a second to 34 minutes; the last bin is open.
  static let bins = 28
  private static let evenEdgeUs: Int64 = 250_000
  private static let oddEdgeUs: Int64 = 353_553
  /// Requests between two fits.
  static let fitEvery = 32
  private static let fitRounds = 8
  /// Of what was seen, so much is kept at every fit: half of it is forgotten in some 6,000 requests.
  private static let kept = 255.0 / 256
  /// A kind's factor starts from its family's and moves with so many requests' worth of evidence; so does a family's
  /// from 1.
  private static let factorPriorRequests = 4.0
  /// The curve is expected to fall as one over the age, with so many requests' worth of belief in each bin.
  private static let curvePriorRequests = 2.0
  /// A kind keeps to the common curve with so many requests' worth of belief in each bin.
  private static let sharedPriorRequests = 8.0
  private static let binRatio = 1.414_213_562
  /// Reuses per second that the youngest bin is expected to have.
  private static let priorPerS = 1.0
  /// The open bin counts for so long.
  private static let openBinS = 1_000.0
  /// Reuses per second are compared in these units.
  private static let valueScale = 1e12

  private let kinds: Int
  private let familySize: Int
  private var hits: ContiguousArray<Double>
  private var exposureS: ContiguousArray<Double>
  private var values: ContiguousArray<Int>
  private var requests = 0
  private var requestBlocks = 0

  /// - Parameter familySize: so many kinds in a row are a family.
  init(kinds: Int, familySize: Int) {
    self.kinds = kinds
    self.familySize = familySize
    hits = ContiguousArray(repeating: 0, count: kinds * Self.bins)
    exposureS = hits
    values = ContiguousArray(repeating: 0, count: kinds * Self.bins)
  }

  /// Upper end of a bin.
  static func edgeUs(_ bin: Int) -> Int64 { (bin % 2 == 0 ? evenEdgeUs : oddEdgeUs) << Int64(bin / 2) }

  static func bin(ofAgeUs ageUs: Int64) -> Int {
    var bin = 0
    while bin < bins - 1, ageUs >= edgeUs(bin) { bin += 1 }
    return bin
  }

  /// A block of `kind` was kept an eye on for `us` while its age was in `bin`, and was asked for again at the end of it
  /// or was not.
  mutating func observe(kind: Int, bin: Int, us: Int64, wasUsed: Bool) {
    exposureS[kind * Self.bins + bin] += Double(us) / 1_000_000
    if wasUsed { hits[kind * Self.bins + bin] += 1 }
  }

  /// A request with so many blocks ended. Now and then, what was seen is made use of.
  mutating func countRequest(blocks: Int) {
    requests += 1
    requestBlocks += blocks
    if requests % Self.fitEvery == 0 { fit() }
  }

  /// What it is worth to keep a block of `kind` that was used `ageUs` ago; only the order of values means anything.
  func value(kind: Int, ageUs: Int64) -> Int { values[kind * Self.bins + Self.bin(ofAgeUs: ageUs)] }

  // MARK: -

  /// O(kinds * bins^2), some tens of thousands of operations.
  private mutating func fit() {
    let blocks = Double(max(1, requestBlocks)) / Double(max(1, requests))
    var factors = ContiguousArray(repeating: 1.0, count: kinds)
    var curve = ContiguousArray(repeating: 0.0, count: Self.bins)
    for _ in 0..<Self.fitRounds {
      fitCurve(factors, &curve, prior: Self.curvePriorRequests * blocks)
      fitFactors(curve, &factors, prior: Self.factorPriorRequests * blocks)
    }
    let belief = Self.sharedPriorRequests * blocks
    for kind in 0..<kinds {
      let hazards = (0..<Self.bins).map { bin in
        let cell = kind * Self.bins + bin
        return (hits[cell] + belief) / (exposureS[cell] + belief / (curve[bin] * factors[kind]))
      }
      setValues(kind, hazards)
    }
    for cell in hits.indices {
      hits[cell] *= Self.kept
      exposureS[cell] *= Self.kept
    }
  }

  private func fitCurve(_ factors: ContiguousArray<Double>, _ curve: inout ContiguousArray<Double>, prior: Double) {
    for bin in 0..<Self.bins {
      let expected = bin > 0 ? curve[bin - 1] / Self.binRatio : Self.priorPerS
      var (seen, time) = (prior, prior / expected)
      for kind in 0..<kinds {
        seen += hits[kind * Self.bins + bin]
        time += exposureS[kind * Self.bins + bin] * factors[kind]
      }
      curve[bin] = seen / time
    }
  }

  private func fitFactors(_ curve: ContiguousArray<Double>, _ factors: inout ContiguousArray<Double>, prior: Double) {
    for family in stride(from: 0, to: kinds, by: familySize) {
      let members = family..<min(family + familySize, kinds)
      let evidence = members.map { self.evidence($0, curve) }
      let seen = evidence.reduce(prior) { $0 + $1.seen }
      let expected = evidence.reduce(prior) { $0 + $1.expected }
      for (kind, own) in zip(members, evidence) {
        factors[kind] = (own.seen + prior) / (own.expected + prior * expected / seen)
      }
    }
  }

  /// Reuses of a kind, and how many the common curve expects.
  private func evidence(_ kind: Int, _ curve: ContiguousArray<Double>) -> (seen: Double, expected: Double) {
    (0..<Self.bins).reduce(into: (0.0, 0.0)) { sum, bin in
      sum.0 += hits[kind * Self.bins + bin]
      sum.1 += exposureS[kind * Self.bins + bin] * curve[bin]
    }
  }

  /// The index of each age: the best ratio over all ages at which to give up.
  private mutating func setValues(_ kind: Int, _ hazards: [Double]) {
    for first in 0..<Self.bins {
      var (left, used, kept, best) = (1.0, 0.0, 0.0, 0.0)
      for bin in first..<Self.bins {
        let seconds = Self.seconds(bin)
        let load = hazards[bin] * seconds
        let chance = load / (1 + load)
        used += left * chance
        kept += left * seconds * (1 - chance / 2)
        left *= 1 - chance
        best = max(best, used / kept)
      }
      values[kind * Self.bins + first] = Int(best * Self.valueScale)
    }
  }

  private static func seconds(_ bin: Int) -> Double {
    guard bin < bins - 1 else { return openBinS }
    return Double(edgeUs(bin) - (bin > 0 ? edgeUs(bin - 1) : 0)) / 1_000_000
  }
}
