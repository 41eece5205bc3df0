/// Why bytes are not the JSON that was expected.
public struct JSONError: Error, Hashable, Sendable {
  /// Byte offset into the document.
  public var offset: Int
  /// What was expected and what was found.
  public var message: String
  /// Path from the root to the value at fault, innermost first while the error travels up.
  private var reversedPath: [String] = []

  public init(offset: Int, message: String) {
    self.offset = offset
    self.message = message
  }

  /// JSON pointer (RFC 6901) to the value at fault; "" for the whole document.
  public var pointer: String {
    var text = ""
    for component in reversedPath.reversed() {
      text += "/"
      for scalar in component.unicodeScalars {
        switch scalar {
        case "~": text += "~0"
        case "/": text += "~1"
        default: text.unicodeScalars.append(scalar)
        }
      }
    }
    return text
  }

  /// Very long names are cut: an error must not be larger than what a peer reads.
  func under(_ component: String) -> JSONError {
    var error = self
    error.reversedPath.append(JSONText.excerpt(component))
    return error
  }
}
