import WireProtocol

extension JSONValue {
  /// Equality of JSON Schema: numbers by their value, objects whatever the order of their members.
  func isSame(as other: JSONValue) -> Bool {
    switch (self, other) {
    case (.array(let a), .array(let b)):
      return a.count == b.count && zip(a, b).allSatisfy { $0.isSame(as: $1) }
    case (.object(let a), .object(let b)):
      return a.members.count == b.members.count
        && a.members.allSatisfy { member in b[member.name].map { member.value.isSame(as: $0) } ?? false }
    case (.string(let a), .string(let b)): return a.utf8.elementsEqual(b.utf8)
    default: return isNumber && other.isNumber ? !isBelow(other) && !other.isBelow(self) : self == other
    }
  }

  /// Whether a number is smaller than another one; integers are compared exactly.
  func isBelow(_ other: JSONValue) -> Bool {
    switch (self, other) {
    case (.integer(let a), .integer(let b)): a < b
    case (.integer(let a), .unsigned(let b)): a < 0 || UInt64(a) < b
    case (.unsigned(let a), .integer(let b)): b >= 0 && a < UInt64(b)
    case (.unsigned(let a), .unsigned(let b)): a < b
    default: (doubleValue ?? .nan) < (other.doubleValue ?? .nan)
    }
  }

  private var isNumber: Bool { doubleValue != nil }
}
