/// How soon blocks of each kind are asked for again, learned from what happened: proportional hazards over the time
/// since their last use (Cox, 1972), one curve for all kinds and one factor for each.
///
/// The value of keeping a block is the Gittins index of the bet on its reuse (Gittins, 1979): the best ratio, over all
/// times at which one could give up, of the chance that it was used by then to the time that it was kept. Hit density
/// (LHD, NSDI 2018) is the same ratio without the choice of when to stop.
struct ReuseModel: Codable, Sendable {
  /// Ages are told apart by half octaves from a quarter of a second to 34 minutes; the last bin is open.
  static let bins = 28
  private static let evenEdgeUs: Int64 = 250_000
  private static let oddEdgeUs: Int64 = 353_553
  /// Observations between two fits.
  static let fitEvery = 4_096
  private static let fitRounds = 8
  /// Half of what was seen is forgotten whenever so many reuses were counted.
  static let hitsMax = 262_144.0
  /// A kind's factor starts from 1 and moves with so many blocks' worth of evidence.
  private static let priorBlocks = 300.0
  /// The curve is expected to fall as one over the age, with so many reuses' worth of belief in each bin.
  private static let priorHits = 50.0
  private static let binRatio = 1.414_213_562
  /// Reuses per second that the youngest bin is expected to have.
  private static let priorPerS = 1.0
  /// The open bin counts for so long.
  private static let openBinS = 1_000.0
  /// Reuses per second are compared in these units.
  private static let valueScale = 1e12

  private let kinds: Int
  private var hits: ContiguousArray<Double>
  private var exposureS: ContiguousArray<Double>
  private var values: ContiguousArray<Int>
  private var observationsSinceFit = 0

  init(kinds: Int) {
    self.kinds = kinds
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
    observationsSinceFit += 1
    if observationsSinceFit >= Self.fitEvery { fit() }
  }

  /// What it is worth to keep a block of `kind` that was used `ageUs` ago; only the order of values means anything.
  func value(kind: Int, ageUs: Int64) -> Int { values[kind * Self.bins + Self.bin(ofAgeUs: ageUs)] }

  // MARK: -

  /// O(kinds * bins^2); amortised over the observations between two fits it is a few operations for each.
  private mutating func fit() {
    observationsSinceFit = 0
    var factors = ContiguousArray(repeating: 1.0, count: kinds)
    var curve = ContiguousArray(repeating: 0.0, count: Self.bins)
    for _ in 0..<Self.fitRounds {
      fitCurve(factors, &curve)
      for kind in 0..<kinds {
        var (seen, expected) = (Self.priorBlocks, Self.priorBlocks)
        for bin in 0..<Self.bins {
          seen += hits[kind * Self.bins + bin]
          expected += exposureS[kind * Self.bins + bin] * curve[bin]
        }
        factors[kind] = seen / expected
      }
    }
    for kind in 0..<kinds { setValues(kind, curve.map { $0 * factors[kind] }) }
    forget()
  }

  private func fitCurve(_ factors: ContiguousArray<Double>, _ curve: inout ContiguousArray<Double>) {
    for bin in 0..<Self.bins {
      let expected = bin > 0 ? curve[bin - 1] / Self.binRatio : Self.priorPerS
      var (seen, time) = (Self.priorHits, Self.priorHits / expected)
      for kind in 0..<kinds {
        seen += hits[kind * Self.bins + bin]
        time += exposureS[kind * Self.bins + bin] * factors[kind]
      }
      curve[bin] = seen / time
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

  private mutating func forget() {
    guard hits.reduce(0, +) > Self.hitsMax else { return }
    for index in hits.indices {
      hits[index] /= 2
      exposureS[index] /= 2
    }
  }
}
