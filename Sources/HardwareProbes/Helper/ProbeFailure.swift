/// Why a run of the helper gave no topology.
public enum ProbeFailure: Error, Hashable, Sendable, CustomStringConvertible {
  /// No executable was found; where it was looked for.
  case notFound(searched: [String])
  /// The system refused to start it.
  case spawn(path: String, errno: Int32)
  case exited(code: Int, message: String)
  case signalled(signal: Int, message: String)
  /// Killed at the deadline of the stage that it named last. `abandoned`: it did not even die, which happens to
  /// processes that hang in a driver.
  case hung(stage: String?, deadlineMs: Int, abandoned: Bool)
  case oversized(limitBytes: Int)
  /// A file that describes a machine cannot be read.
  case unreadable(path: String, errno: Int32)
  /// It printed something that is no topology document.
  case invalid(reason: String)

  public var description: String {
    switch self {
    case .notFound(let searched):
      "the helper coxswain-probe was not found: " + searched.joined(separator: ", ")
    case .spawn(let path, let errno):
      "the helper \(path) could not be started: \(systemMessage(errno))"
    case .exited(let code, let message):
      "the helper failed with exit code \(code)" + Self.words(message)
    case .signalled(let signal, let message):
      "the helper was killed by signal \(signal)" + Self.words(message)
    case .hung(let stage, let deadlineMs, let abandoned):
      "the helper hung" + (stage.map { " in stage \($0)" } ?? "") + " and was killed after \(deadlineMs) ms"
        + (abandoned ? "; it is stuck in the kernel" : "")
    case .oversized(let limitBytes):
      "the helper printed more than \(limitBytes) bytes and was killed"
    case .unreadable(let path, let errno): "\(path): \(systemMessage(errno))"
    case .invalid(let reason): "the description of the machine was not understood: \(reason)"
    }
  }

  private static func words(_ message: String) -> String { message.isEmpty ? "" : ": \(message)" }
}
