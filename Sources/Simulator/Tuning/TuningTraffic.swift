import WireProtocol

/// Requests to tune on, and requests that are held back to judge the proposal by.
public struct TuningTraffic: Sendable {
  /// Requests of each part; what comes after them is left out.
  public static let partRequestsMax = 4_000
  /// Fewer in a part say nothing.
  public static let partRequestsMin = 10

  /// What is held back.
  public enum HeldBack: String, Hashable, Sendable {
    /// As many requests drawn from another seed.
    case secondSeed = "second_seed"
    /// The later half.
    case secondHalf = "second_half"
  }

  /// What people call it.
  public let name: String
  public let mix: ClassMix
  public let seed: UInt64
  public let tuned: [WorkloadRequest]
  public let heldBack: [WorkloadRequest]
  public let kind: HeldBack
  /// There was more than was taken.
  public let isCut: Bool

  /// What is drawn is drawn twice; a trace is divided. - Parameter isCut: there was more before it came here.
  public init(_ source: WorkloadSource, rateScale: Double, isCut wasCut: Bool = false) throws(WorkloadError) {
    name = source.name
    mix = source.mix
    seed = source.seed
    if source.kind.isDrawn {
      kind = .secondSeed
      let (first, isCut) = try Self.read(source, rateScale, limit: Self.partRequestsMax)
      tuned = first
      self.isCut = wasCut || isCut
      var other = source
      // The copies of a repeated workload have the seeds between.
      other.seed = SeededRandom.mixed(source.seed &+ UInt64(source.copies))
      heldBack = try Self.read(other, rateScale, limit: Self.partRequestsMax).requests
    } else {
      kind = .secondHalf
      let (all, isCut) = try Self.read(source, rateScale, limit: 2 * Self.partRequestsMax)
      self.isCut = wasCut || isCut
      tuned = Array(all[..<(all.count / 2)])
      heldBack = Self.fromZero(all[(all.count / 2)...])
    }
  }

  public var isEnough: Bool { min(tuned.count, heldBack.count) >= Self.partRequestsMin }

  public var tenants: Int { Set(tuned.map(\.tenant)).count }

  private static func read(
    _ source: WorkloadSource, _ rateScale: Double, limit: Int
  ) throws(WorkloadError) -> (requests: [WorkloadRequest], isCut: Bool) {
    var workload = try source.open(rateScale: rateScale)
    var requests: [WorkloadRequest] = []
    while let request = try workload.next() {
      guard requests.count < limit else { return (requests, true) }
      requests.append(request)
    }
    return (requests, false)
  }

  private static func fromZero(_ requests: ArraySlice<WorkloadRequest>) -> [WorkloadRequest] {
    let first = requests.first?.arrivalUs ?? 0
    return requests.map { request in
      var request = request
      request.arrivalUs -= first
      return request
    }
  }

  var json: JSONValue {
    [
      "source": .string(name), "requests": JSONValue(tuned.count), "held_back": .string(kind.rawValue),
      "held_back_requests": JSONValue(heldBack.count), "cut": .bool(isCut), "tenants": JSONValue(tenants),
    ]
  }
}
