/// How evenly tenants are served while they compete, measured as VTC does (Sheng et al., OSDI 2024): a tenant's service
/// is its computed input tokens plus twice its output tokens, and only tenants that have requests waiting all the time
/// are compared, because one that asks for less gets less.
struct FairnessTracker: Sendable {
  /// Tenants that are compared; further ones are served and not compared.
  static let tenantsMax = 64
  static let sampleUs: Int64 = 1_000_000
  /// Samples in one window of the service ratio.
  static let samplesPerWindow = 10
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
  /// Samples in a row at whose end the tenant was backlogged all the time.
  private var backloggedSamples: [Int] = []
  private var pairs: [Pair] = []
  private var samples = 0
  private var nextSampleUs: Int64 = sampleUs
  /// Ratio of most to least served, in thousandths, over windows with two or more backlogged tenants.
  private(set) var windowRatios = Histogram()
  private(set) var largestDifference = 0

  mutating func add(tenant: Int, input: Int, output: Int) {
    guard tenant < Self.tenantsMax else { return }
    while tenant >= service.count { addTenant() }
    service[tenant] += input * Self.inputWeight + output * Self.outputWeight
  }

  private mutating func addTenant() {
    service.append(0)
    serviceAtSample.append(0)
    serviceAtWindow.append(0)
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
    if samples % Self.samplesPerWindow == 0 { closeWindow() }
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

  private mutating func closeWindow() {
    var most: Int?
    var least: Int?
    var compared = 0
    for tenant in service.indices {
      let served = service[tenant] - serviceAtWindow[tenant]
      serviceAtWindow[tenant] = service[tenant]
      guard backloggedSamples[tenant] >= Self.samplesPerWindow else { continue }
      compared += 1
      most = max(most ?? served, served)
      least = min(least ?? served, served)
    }
    guard compared > 1, let most, let least, most > 0 else { return }
    let ratio = least > 0 ? min(Self.ratioMax, Double(most) / Double(least)) : Self.ratioMax
    windowRatios.add(Int(ratio * 1000 + 0.5))
  }

  /// Adds what was seen on another instance; tenants are compared within an instance.
  mutating func merge(_ other: FairnessTracker) {
    windowRatios.merge(other.windowRatios)
    largestDifference = max(largestDifference, other.largestDifference)
  }
}
