import Glibc
import WireProtocol

/// Where results go; messages and progress go to `StandardError`.
enum StandardOutput {
  static func write(_ text: String) throws(CommandFailure) {
    switch StandardStreams.write(text, to: STDOUT_FILENO) {
    case 0: return
    // The reader has seen enough, as in `coxswain queue | head`.
    case EPIPE: throw CommandFailure(.ok, nil)
    case let number: throw CommandFailure(.failed, "standard output: \(String(cString: strerror(number)))")
    }
  }

  /// Writes text that may or may not end with a line feed, and one line feed after it.
  static func line(_ text: String) throws(CommandFailure) {
    try write(text.hasSuffix("\n") ? text : text + "\n")
  }

  /// One document, indented for people.
  static func document(_ json: JSONValue) throws(CommandFailure) { try line(json.pretty()) }
}
