import Glibc

/// Where messages and progress go. Nothing is done about a failure to write there: nobody could be told.
enum StandardError {
  static func write(_ text: String) { _ = StandardStreams.write(text, to: STDERR_FILENO) }
  static func line(_ text: String) { write(text + "\n") }
}
