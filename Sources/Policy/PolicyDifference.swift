import WireProtocol

/// One member in which two policies differ, every member stated.
public struct PolicyDifference: Hashable, Sendable {
  /// JSON pointer; classes are named by their names: `/classes/chat/weight`.
  public var pointer: String
  /// nil: the member is not there.
  public var before: JSONValue?
  public var after: JSONValue?

  public var json: JSONValue {
    ["pointer": .string(pointer), "before": before ?? nil, "after": after ?? nil]
  }

  /// In document order; members that say what a policy is called are left out.
  public static func between(_ before: PolicyDocument, _ after: PolicyDocument) -> [PolicyDifference] {
    var differences: [PolicyDifference] = []
    compare(named(before.effective), named(after.effective), "", &differences)
    return differences.filter { $0.pointer != "/name" && $0.pointer != "/description" }
  }

  /// Arrays of named objects as objects, so that a class that moved is not another class.
  private static func named(_ json: JSONValue) -> JSONValue {
    switch json {
    case .array(let elements) where !elements.isEmpty && elements.allSatisfy { $0["name"]?.stringValue != nil }:
      .object(JSONObject(elements.map { JSONObject.Member($0["name"]?.stringValue ?? "", named($0)) }))
    case .object(let object):
      .object(JSONObject(object.members.map { JSONObject.Member($0.name, named($0.value)) }))
    default: json
    }
  }

  private static func compare(
    _ before: JSONValue?, _ after: JSONValue?, _ pointer: String, _ differences: inout [PolicyDifference]
  ) {
    guard before != after else { return }
    guard case .object(let old)? = before, case .object(let new)? = after else {
      return differences.append(PolicyDifference(pointer: pointer, before: before, after: after))
    }
    for name in old.names + new.names.filter({ old[$0] == nil }) {
      compare(old[name], new[name], "\(pointer)/\(name)", &differences)
    }
  }
}
