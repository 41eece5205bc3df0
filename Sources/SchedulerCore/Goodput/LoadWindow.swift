/// What arrived in the last 20 s, sorted by value per cost: says when more is asked for than can be done, and at what
/// value per cost the line has to be drawn. O(1) per arrival, O(buckets) per slice of time; nothing is kept per
/// request.
struct LoadWindow: Codable, Sendable {
  static let slices = 80
  static let sliceUs: Int64 = 250_000
  /// Length of the window in microseconds.
  static let windowUs = Double(slices) * Double(sliceUs)
  /// Four per doubling of the density: a line is drawn to within a fifth.
  static let bucketsPerOctave = 4
  static let buckets = 160
  private static let lowestExponent = -40

  /// The line is on above this share of requests that cannot be served in time, and off below the other.
  static let missedShareOn = 0.05
  static let missedShareOff = 0.02
  /// The same for the load, as a share of the capacity.
  static let loadOn = 1.15
  static let loadOff = 1.05

  private struct Slice: Codable, Sendable {
    var work = ContiguousArray<Double>(repeating: 0, count: LoadWindow.buckets)
    var arrived = 0
    var missed = 0
  }

  private var ring: ContiguousArray<Slice>
  private var total = Slice()
  private var current = 0
  private var currentEndsUs: Int64 = .min
  private var filled = 1
  /// Share of the capacity that the window's arrivals ask for, as of the last slice.
  private(set) var load = 0.0
  private(set) var isOn = false
  /// Requests of less value per cost than this give way; 0 while the line is off.
  private(set) var line = 0.0

  init() { ring = ContiguousArray(repeating: Slice(), count: Self.slices) }

  /// A request arrived that asks for `cost` and is worth `density` per cost.
  mutating func arrive(cost: Double, density: Double) {
    let bucket = Self.bucket(density)
    ring[current].work[bucket] += cost
    total.work[bucket] += cost
    ring[current].arrived += 1
    total.arrived += 1
  }

  /// A request can no longer be served in time.
  mutating func miss() {
    ring[current].missed += 1
    total.missed += 1
  }

  /// Share of the window's requests that can no longer be served in time.
  var missedShare: Double { total.arrived > 0 ? Double(total.missed) / Double(total.arrived) : 0 }

  /// Moves on in time and draws the line anew once per slice.
  /// - Parameters:
  ///   - capacity: cost that can be served per microsecond.
  ///   - isScarce: what the cost is paid in is known to run out, whatever the estimates say.
  mutating func advance(nowUs: Int64, capacity: Double, isScarce: Bool) {
    guard currentEndsUs != .min else {
      currentEndsUs = nowUs + Self.sliceUs
      return
    }
    guard nowUs >= currentEndsUs else { return }
    var turns = 0
    while nowUs >= currentEndsUs, turns < Self.slices {
      currentEndsUs += Self.sliceUs
      turn()
      turns += 1
    }
    // After a long pause nothing of the window is left.
    if nowUs >= currentEndsUs { currentEndsUs = nowUs + Self.sliceUs }
    drawLine(capacity: capacity, isScarce: isScarce)
  }

  private mutating func turn() {
    current = (current + 1) % Self.slices
    filled = min(Self.slices, filled + 1)
    for bucket in 0..<Self.buckets {
      total.work[bucket] = max(0, total.work[bucket] - ring[current].work[bucket])
      ring[current].work[bucket] = 0
    }
    total.arrived -= ring[current].arrived
    total.missed -= ring[current].missed
    ring[current].arrived = 0
    ring[current].missed = 0
  }

  private mutating func drawLine(capacity: Double, isScarce: Bool) {
    let span = Double(filled) * Double(Self.sliceUs)
    load = capacity > 0 ? total.work.reduce(0, +) / (span * capacity) : 0
    if isOn {
      isOn = (load > Self.loadOff || isScarce) && missedShare > Self.missedShareOff
    } else {
      isOn = (load > Self.loadOn || isScarce) && missedShare > Self.missedShareOn
    }
    line = 0
    guard isOn else { return }
    let most = capacity * span
    var sum = 0.0
    for bucket in stride(from: Self.buckets - 1, through: 0, by: -1) {
      let work = total.work[bucket]
      guard sum + work > most else {
        sum += work
        continue
      }
      // Inside a bucket work is taken to be spread evenly.
      let share = work > 0 ? (most - sum) / work : 0
      line = Self.edge(bucket + 1) - (Self.edge(bucket + 1) - Self.edge(bucket)) * share
      return
    }
  }

  // MARK: - Buckets

  private static func bucket(_ density: Double) -> Int {
    guard density > 0, density.isFinite else { return 0 }
    let octave = Int(density.exponent) - lowestExponent
    let part = Int((density.significand - 1) * Double(bucketsPerOctave))
    return min(buckets - 1, max(0, octave * bucketsPerOctave + part))
  }

  /// Lowest density of a bucket.
  private static func edge(_ bucket: Int) -> Double {
    let exponent = bucket / bucketsPerOctave + lowestExponent
    let significand = 1 + Double(bucket % bucketsPerOctave) / Double(bucketsPerOctave)
    return Double(sign: .plus, exponent: exponent, significand: significand)
  }
}
