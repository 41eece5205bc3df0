/// The run over virtual time: means per bucket. When time outgrows the buckets, neighbours merge and buckets double.
public struct Timeline: Sendable {
  public struct Bucket: Hashable, Sendable {
    public internal(set) var iterations = 0
    /// GPU time of the iterations that began in the bucket.
    public internal(set) var busyUs = 0
    public internal(set) var decodes = 0
    public internal(set) var prefillTokens = 0
    /// Largest difference of service between backlogged tenants, in weighted tokens.
    public internal(set) var serviceDifference = 0
    /// Running, waiting and occupancy, each times the microseconds it lasted.
    var runningUs = 0.0
    var waitingUs = 0.0
    var occupancyUs = 0.0

    public var meanRunning: Double { runningUs / Double(max(1, busyUs)) }
    public var meanWaiting: Double { waitingUs / Double(max(1, busyUs)) }
    public var meanOccupancy: Double { occupancyUs / Double(max(1, busyUs)) }

    static func + (a: Bucket, b: Bucket) -> Bucket {
      var sum = a
      sum.iterations += b.iterations
      sum.busyUs += b.busyUs
      sum.decodes += b.decodes
      sum.prefillTokens += b.prefillTokens
      sum.serviceDifference = max(a.serviceDifference, b.serviceDifference)
      sum.runningUs += b.runningUs
      sum.waitingUs += b.waitingUs
      sum.occupancyUs += b.occupancyUs
      return sum
    }
  }

  static let bucketsMax = 512

  public private(set) var bucketUs: Int64 = 1_000_000
  public private(set) var buckets: [Bucket] = []

  public init() {}

  /// Adds an iteration that begins at `startUs` of virtual time.
  mutating func add(
    startUs: Int64, elapsedUs: Int, decodes: Int, prefillTokens: Int, running: Int, waiting: Int, occupancy: Double
  ) {
    let index = bucket(at: startUs)
    buckets[index].iterations += 1
    buckets[index].busyUs += elapsedUs
    buckets[index].decodes += decodes
    buckets[index].prefillTokens += prefillTokens
    buckets[index].runningUs += Double(running) * Double(elapsedUs)
    buckets[index].waitingUs += Double(waiting) * Double(elapsedUs)
    buckets[index].occupancyUs += occupancy * Double(elapsedUs)
  }

  mutating func addServiceDifference(_ tokens: Int, atUs: Int64) {
    let index = bucket(at: atUs)
    buckets[index].serviceDifference = max(buckets[index].serviceDifference, tokens)
  }

  private mutating func bucket(at us: Int64) -> Int {
    while us / bucketUs >= Int64(Self.bucketsMax) { mergeNeighbours() }
    let index = Int(max(0, us) / bucketUs)
    if index >= buckets.count { buckets.append(contentsOf: repeatElement(Bucket(), count: index + 1 - buckets.count)) }
    return index
  }

  /// Adds what another instance did at the same time.
  mutating func merge(_ other: Timeline) {
    var other = other
    while other.bucketUs < bucketUs { other.mergeNeighbours() }
    while bucketUs < other.bucketUs { mergeNeighbours() }
    for (index, bucket) in other.buckets.enumerated() {
      if index < buckets.count { buckets[index] = buckets[index] + bucket } else { buckets.append(bucket) }
    }
  }

  /// The same in at most `count` buckets.
  func coarsened(to count: Int) -> Timeline {
    var timeline = self
    while timeline.buckets.count > count { timeline.mergeNeighbours() }
    return timeline
  }

  private mutating func mergeNeighbours() {
    bucketUs *= 2
    buckets = stride(from: 0, to: buckets.count, by: 2).map { index in
      index + 1 < buckets.count ? buckets[index] + buckets[index + 1] : buckets[index]
    }
  }
}
