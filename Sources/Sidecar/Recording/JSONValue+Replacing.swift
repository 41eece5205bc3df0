import WireProtocol

extension JSONValue {
  /// The same document with the value at `path`, where there is one, replaced.
  func replacing(_ path: [String], with change: (JSONValue) -> JSONValue) -> JSONValue {
    guard let name = path.first else { return change(self) }
    guard case .object(var object) = self, let member = object[name] else { return self }
    object[name] = member.replacing(Array(path.dropFirst()), with: change)
    return .object(object)
  }
}
