/// Requests of like model and like objective (QLM, Patke et al., SoCC 2024): what waits of them, and how much of them
/// comes. One engine serves one model, so that the adapter tells models apart.
struct RequestGroup: Codable, Sendable {
  struct Key: Hashable, Codable, Sendable {
    /// Index into the session's names; -1 for the base model.
    var adapter: Int32
    /// Index into the policy's classes.
    var classIndex: Int32
    var ttftSLOMs: Int
    var tpotSLOMs: Int

    /// Objectives other than the class's own are alike when they are within a quarter of each other.
    init(request: Request, classIndex: Int, _ requestClass: PolicyConfig.RequestClass) {
      adapter = request.adapter
      self.classIndex = Int32(classIndex)
      ttftSLOMs = Self.bucket(request.ttftSLOMs, requestClass.ttftSLOMs)
      tpotSLOMs = Self.bucket(request.tpotSLOMs, requestClass.tpotSLOMs)
    }

    private init(classIndex: Int32) {
      adapter = -1
      self.classIndex = classIndex
      ttftSLOMs = 0
      tpotSLOMs = 0
    }

    /// Of the group for what has no group of its own.
    static let other = Key(classIndex: -1)

    /// The request's own objective if it has one, its three leading bits kept.
    private static func bucket(_ own: Int, _ ofClass: Int) -> Int {
      guard own > 0, own != ofClass else { return ofClass }
      let shift = max(0, Int.bitWidth - own.leadingZeroBitCount - leadingBits)
      return (own >> shift) << shift
    }

    private static let leadingBits = 3
  }

  /// Time over which the rate of arrivals is averaged, in microseconds.
  private static let arrivalScaleUs = 30_000_000.0
  /// A rate that was looked at for less time than this may be a burst.
  private static let arrivalLeastUs = 5_000_000.0

  private(set) var key: Key
  private(set) var rank: Int
  /// Those that wait in their turn, and those that were put behind others because they are late.
  private(set) var onTime = WorkSum()
  private(set) var late = WorkSum()
  /// Those that wait, by arrival.
  var byArrival = ItemHeap()
  private var arrivals = FadedWork(scaleUs: Self.arrivalScaleUs)
  private(set) var lastArrivalUs: Int64

  init(key: Key, rank: Int, nowUs: Int64) {
    self.key = key
    self.rank = rank
    lastArrivalUs = nowUs
  }

  var waiting: WorkSum { onTime + late }

  mutating func add(_ work: WorkSum, isLate: Bool) {
    if isLate { late += work } else { onTime += work }
  }

  mutating func remove(_ work: WorkSum, isLate: Bool) {
    if isLate { late -= work } else { onTime -= work }
  }

  /// Nobody waits any more; how many come is remembered.
  mutating func empty() {
    onTime = WorkSum()
    late = WorkSum()
    byArrival.removeAll()
  }

  mutating func noteArrival(_ work: WorkSum, nowUs: Int64) {
    arrivals.add(work, elapsedUs: nowUs &- lastArrivalUs)
    lastArrivalUs = nowUs
  }

  /// Microseconds of GPU time that arrive per microsecond.
  func arrivalRate(nowUs: Int64, _ costs: WorkCosts) -> Double {
    let faded = arrivals.faded(elapsedUs: nowUs &- lastArrivalUs)
    return costs.us(faded) / max(Self.arrivalLeastUs, faded.spanUs)
  }

  /// Standard deviation of that rate over the rate: of so many requests that come independently of each other and
  /// whose work varies as much as its mean.
  func arrivalSpread(nowUs: Int64) -> Double {
    let requests = arrivals.faded(elapsedUs: nowUs &- lastArrivalUs).requests
    return requests > 0 ? (2 / requests).squareRoot() : 0
  }

  /// The group of the others is as patient and as low as any that joins it.
  mutating func widen(to key: Key, rank: Int) {
    self.key.ttftSLOMs = max(self.key.ttftSLOMs, key.ttftSLOMs)
    self.key.tpotSLOMs = max(self.key.tpotSLOMs, key.tpotSLOMs)
    self.rank = max(self.rank, rank)
  }
}
