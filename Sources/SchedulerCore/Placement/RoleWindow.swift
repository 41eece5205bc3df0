/// What was lately asked for and what came of it, as whoever divides roles can see it: arrivals with their limits, and
/// lengths of the answers that ended. Knows nothing of answers to come.
public struct RoleWindow: Hashable, Codable, Sendable {
  /// Older arrivals and ends do not count.
  public static let spanUs: Int64 = 60_000_000
  /// Arrivals, and ends, that are remembered; the oldest give way.
  public static let requestsMax = 1_024
  /// Fewer arrivals or ends say nothing yet.
  public static let requestsMin = 32
  /// One answer in so many is shorter than the short one.
  private static let shortShare = 100

  private struct Arrival: Hashable, Codable, Sendable {
    var atUs: Int64
    var promptTokens: Int
    var hitTokens: Int
    var ttftSLOUs: Int
    var tpotSLOUs: Int
  }

  private struct End: Hashable, Codable, Sendable {
    var atUs: Int64
    var arrivalUs: Int64
    var outputTokens: Int
    var isInTime: Bool
  }

  private var arrivals: [Arrival] = []
  private var ends: [End] = []

  public init() {}

  // MARK: - What happens

  /// - Parameter hitTokens: of the prompt, found in the cache of its engine.
  public mutating func addArrival(
    promptTokens: Int, hitTokens: Int, ttftSLOUs: Int, tpotSLOUs: Int, nowUs: Int64
  ) {
    arrivals.append(
      Arrival(
        atUs: nowUs, promptTokens: promptTokens, hitTokens: hitTokens, ttftSLOUs: ttftSLOUs, tpotSLOUs: tpotSLOUs))
    if arrivals.count >= 2 * Self.requestsMax { arrivals.removeFirst(Self.requestsMax) }
  }

  /// - Parameter outputTokens: 0 for a request that ended without an answer, whose length stays unknown.
  public mutating func addEnd(outputTokens: Int, isInTime: Bool, arrivalUs: Int64, nowUs: Int64) {
    ends.append(End(atUs: nowUs, arrivalUs: arrivalUs, outputTokens: outputTokens, isInTime: isInTime))
    if ends.count >= 2 * Self.requestsMax { ends.removeFirst(Self.requestsMax) }
  }

  // MARK: - What it comes to

  /// The load of the window; nil while it has too few requests. O(requests of the window), for seconds and not steps.
  public func load(nowUs: Int64) -> RoleLoad? {
    let arrivals = arrivals.suffix(Self.requestsMax).filter { $0.atUs > nowUs - Self.spanUs }
    let outputs = ends.suffix(Self.requestsMax).filter { $0.atUs > nowUs - Self.spanUs && $0.outputTokens > 0 }
      .map(\.outputTokens).sorted()
    guard arrivals.count >= Self.requestsMin, outputs.count >= Self.requestsMin, let first = arrivals.first else {
      return nil
    }
    let spanUs = max(1, nowUs - first.atUs)
    return RoleLoad(
      requestsPerKiloS: Int(Int64(arrivals.count) * 1_000_000_000 / spanUs),
      promptTokens: arrivals.reduce(0) { $0 + $1.promptTokens } / arrivals.count,
      hitTokens: arrivals.reduce(0) { $0 + $1.hitTokens } / arrivals.count,
      outputTokens: outputs.reduce(0, +) / outputs.count, shortOutputTokens: outputs[outputs.count / Self.shortShare],
      ttftSLOUs: arrivals.reduce(.max) { min($0, $1.ttftSLOUs) },
      tpotSLOUs: arrivals.reduce(.max) { min($0, $1.tpotSLOUs) })
  }

  /// Share in time, per mille, of the requests that arrived after `sinceUs` and ended in the window; nil for too few.
  public func inTimePerMille(sinceUs: Int64, nowUs: Int64) -> Int? {
    let judged = ends.suffix(Self.requestsMax).filter { $0.arrivalUs >= sinceUs && $0.atUs > nowUs - Self.spanUs }
    guard judged.count >= Self.requestsMin else { return nil }
    return judged.count { $0.isInTime } * 1_000 / judged.count
  }
}
