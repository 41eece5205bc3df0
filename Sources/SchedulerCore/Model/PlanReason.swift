/// A reason for one request of a plan. On the wire: `[h, code, number]`.
public struct PlanReason: Hashable, Codable, Sendable {
  public var h: RequestHandle
  public var reason: Reason

  public init(h: RequestHandle, reason: Reason) {
    self.h = h
    self.reason = reason
  }
}
