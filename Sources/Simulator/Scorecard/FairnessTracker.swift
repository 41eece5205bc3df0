/// How evenly tenants are served while they compete, measured as VTC does (Sheng et al., OSDI 2024): a tenant's service
/// is its computed input tokens plus twice its output tokens, and only tenants that have requests waiting all the time
/// are compared, because one that asks for less gets less.
struct FairnessTracker: Sendable {
  /// Tenants that are compared; further ones are served and not compared.
  static let tenantsMax = 64
  static let sampleUs: Int64 = 1_000_000
  /// Samples in one window of the service ratio.
  static let samplesPerWindow = 10
  /// Samples in one of the long windows; one ends with every sample.
  static let samplesPerLongWindow = 60
  /// Stands for "one got nothing".
  static let ratioMax = 1_000.0
  static let inputWeight = 1
  static let outputWeight = 2

  private struct Pair {
    /// Least and largest difference of service since both became backlogged; nil when they are not.
    var range: (low: Int, high: Int)?
  }

  private var service: [Int] = []
  private var serviceAtSample: [Int] = []
  private var serviceAtWindow: [Int] = []
  /// Service of every tenant at each of the last samples, in a ring.
  private var longWindow: [[Int]] = []
  /// Samples in a row at whose end the tenant was backlogged all the time.
  private var backloggedSamples: [Int] = []
  private var pairs: [Pair] = []
  private var samples = 0
  private var nextSampleUs: Int64 = sampleUs
  /// Ratio of most to least served, in thousandths, over windows with two or more backlogged tenants.
  private(set) var windowRatios = Histogram()
  /// The same over the long windows.
  private(set) var longWindowRatios = Histogram()
  private(set) var largestDifference = 0
  /// Tokens of a full batch: M of VTC's bound.
  var batchTokens = 0
  /// Longest prompt seen.
  private(set) var longestInput = 0

  /// What VTC promises of `largestDifference`: 2 max(w_p L, w_q M).
  var boundTokens: Int { 2 * max(Self.inputWeight * longestInput, Self.outputWeight * batchTokens) }

  mutating func noteArrival(inputTokens: Int) { longestInput = max(longestInput, inputTokens) }

  mutating func add(tenant: Int, input: Int, output: Int) {
    guard tenant < Self.tenantsMax else { return }
    while tenant >= service.count { addTenant() }
    service[tenant] += input * Self.inputWeight + output * Self.outputWeight
  }

  private mutating func addTenant() {
    service.append(0)
    serviceAtSample.append(0)
    backloggedSamples.append(0)
    // Pairs (low, high) with low < high lie at high * (high - 1) / 2 + low.
    pairs.append(contentsOf: repeatElement(Pair(), count: service.count - 1))
  }

  func isDue(_ nowUs: Int64) -> Bool { nowUs >= nextSampleUs }

  /// Ends a sample.
  /// - Parameter wasBacklogged: whether a tenant had requests waiting all the time since the last sample.
  /// - Returns: the largest difference of service between two tenants that are backlogged now, since both are.
  mutating func sample(_ nowUs: Int64, wasBacklogged: (Int) -> Bool) -> Int {
    nextSampleUs = nowUs + Self.sampleUs
    samples += 1
    for tenant in service.indices {
      backloggedSamples[tenant] = wasBacklogged(tenant) ? backloggedSamples[tenant] + 1 : 0
    }
    let difference = comparePairs()
    largestDifference = max(largestDifference, difference)
    for tenant in service.indices { serviceAtSample[tenant] = service[tenant] }
    if samples % Self.samplesPerWindow == 0 {
      if let ratio = ratio(over: Self.samplesPerWindow, since: serviceAtWindow) { windowRatios.add(ratio) }
      serviceAtWindow = service
    }
    slideLongWindow()
    return difference
  }

  private mutating func comparePairs() -> Int {
    var largest = 0
    for high in service.indices {
      for low in 0..<high {
        let index = high * (high - 1) / 2 + low
        guard backloggedSamples[low] > 0, backloggedSamples[high] > 0 else {
          pairs[index].range = nil
          continue
        }
        let before = serviceAtSample[high] - serviceAtSample[low]
        let now = service[high] - service[low]
        let range = pairs[index].range ?? (before, before)
        let next = (low: min(range.low, now), high: max(range.high, now))
        pairs[index].range = next
        largest = max(largest, next.high - next.low)
      }
    }
    return largest
  }

  private mutating func slideLongWindow() {
    let place = samples % Self.samplesPerLongWindow
    if longWindow.count == Self.samplesPerLongWindow {
      if let ratio = ratio(over: Self.samplesPerLongWindow, since: longWindow[place]) { longWindowRatios.add(ratio) }
      longWindow[place] = service
    } else {
      // Place 0 stands for the start, when nobody had anything.
      if longWindow.isEmpty { longWindow.append([]) }
      longWindow.append(service)
    }
  }

  /// Most over least served, in thousandths, among the tenants that were backlogged for all of the last `samples`; nil
  /// with fewer than two.
  private func ratio(over samples: Int, since before: [Int]) -> Int? {
    var most: Int?
    var least: Int?
    var compared = 0
    for tenant in service.indices where backloggedSamples[tenant] >= samples {
      let served = service[tenant] - (tenant < before.count ? before[tenant] : 0)
      compared += 1
      most = max(most ?? served, served)
      least = min(least ?? served, served)
    }
    guard compared > 1, let most, let least, most > 0 else { return nil }
    let ratio = least > 0 ? min(Self.ratioMax, Double(most) / Double(least)) : Self.ratioMax
    return Int(ratio * 1000 + 0.5)
  }

  /// Adds what was seen on another instance; tenants are compared within an instance.
  mutating func merge(_ other: FairnessTracker) {
    windowRatios.merge(other.windowRatios)
    longWindowRatios.merge(other.longWindowRatios)
    largestDifference = max(largestDifference, other.largestDifference)
    batchTokens = max(batchTokens, other.batchTokens)
    longestInput = max(longestInput, other.longestInput)
  }
}
