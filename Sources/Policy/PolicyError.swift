import WireProtocol

/// One thing wrong in a policy file.
public struct PolicyError: Hashable, Sendable {
  /// JSON pointer to the value at fault.
  public var pointer: String
  public var message: String
  public var expected: String
  public var found: String
  /// The nearest name that would have been right.
  public var didYouMean: String?

  public init(pointer: String, message: String, expected: String, found: String, didYouMean: String? = nil) {
    self.pointer = pointer
    self.message = message
    self.expected = expected
    self.found = found
    self.didYouMean = didYouMean
  }

  /// Bytes that are no JSON document, with line and column of the place.
  static func notJSON(_ error: JSONError, in bytes: [UInt8]) -> PolicyError {
    let before = bytes.prefix(error.offset)
    let line = before.count { $0 == UInt8(ascii: "\n") } + 1
    let column = before.reversed().prefix { $0 != UInt8(ascii: "\n") }.count + 1
    let found = bytes.dropFirst(error.offset).prefix(20).prefix { $0 != UInt8(ascii: "\n") }
    return PolicyError(
      pointer: error.pointer, message: "line \(line), column \(column): \(error.message)", expected: "a JSON document",
      found: found.isEmpty ? "the end" : "\"\(String(decoding: found, as: UTF8.self))\"")
  }

  /// One entry of `errors` in `policy validate -o json`.
  public var json: JSONValue {
    var json: JSONObject = [
      "pointer": .string(pointer), "message": .string(message), "expected": .string(expected), "found": .string(found),
    ]
    if let didYouMean { json["did_you_mean"] = .string(didYouMean) }
    return .object(json)
  }

  /// One line for people.
  public var text: String {
    let place = pointer.isEmpty ? "the document" : pointer
    let hint = didYouMean.map { "; did you mean \"\($0)\"?" } ?? ""
    return "\(place): \(message); expected \(expected), found \(found)\(hint)"
  }
}
