/// One measured value: what it is, whether it can be trusted, and how old it is. Unsupported is never zero.
public struct Leaf<Value: Hashable & Sendable>: Hashable, Sendable {
  public enum Status: String, CaseIterable, Hashable, Sendable {
    case ok, unsupported, denied, stale, lost
  }
  /// Present for `ok`, `stale` and `lost` (the last good value); nil otherwise.
  public var value: Value?
  public var status: Status
  /// Milliseconds since the value was read; nil when it never was.
  public var ageMs: Int?

  public init(value: Value?, status: Status, ageMs: Int?) {
    self.value = value
    self.status = status
    self.ageMs = ageMs
  }
}

extension Leaf: Codable where Value: Codable {}
extension Leaf.Status: Codable {}
