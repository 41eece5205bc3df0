/// What a loop learns of a request that ended.
struct EndedRequest: Hashable, Sendable {
  var arrivalUs: Int64
  /// 0 when it ended without an answer.
  var outputTokens: Int
  /// Within its class's SLO.
  var isInTime: Bool
}
