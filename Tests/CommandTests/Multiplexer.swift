import Foundation

/// A terminal as people have one: a tmux server of its own, with one window in which a line of shell runs. Its socket is
/// nobody else's, so that no server of an earlier run is met, and it ends with this value.
///
/// The server is a child that does not become a daemon: a daemon would keep what it inherits from the client that started
/// it, and Foundation waits for that client until nobody has it any more.
final class Multiplexer {
  struct Failed: Error {
    var arguments: [String]
    var errors: String
  }

  private static let timeoutSeconds = 60.0
  /// nil where tmux is not installed.
  static let program: String? = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":")
    .map { "\($0)/tmux" }.first { access($0, X_OK) == 0 }

  private let directory: TemporaryDirectory
  private let server: Process

  /// - Parameters:
  ///   - line: of shell; `$COXSWAIN` is the executable. The window stays when it has ended.
  ///   - directory: where the server's socket is.
  init(columns: Int, rows: Int, in directory: TemporaryDirectory, _ line: String) throws {
    self.directory = directory
    let socket = directory.path + "/tmux.sock"
    server = try Executable.process(program: Self.program ?? "tmux", ["-S", socket, "-f", "/dev/null", "-D"])
    server.standardInput = FileHandle.nullDevice
    server.standardOutput = FileHandle.nullDevice
    server.standardError = FileHandle.nullDevice
    try server.run()
    let deadline = Date(timeIntervalSinceNow: Self.timeoutSeconds)
    while access(socket, F_OK) != 0, Date() < deadline { usleep(10_000) }
    let script = try directory.file("window.sh", "COXSWAIN='\(Executable.path)'\n\(line)\nexec sleep 600\n")
    try call(["new-session", "-d", "-x", "\(columns)", "-y", "\(rows)", "exec sh '\(script)'"])
  }

  deinit {
    _ = try? call(["kill-server"])
    // It is gone by now, unless it hangs.
    if server.isRunning { kill(server.processIdentifier, SIGKILL) }
  }

  /// Runs one command of tmux and returns what it prints.
  @discardableResult
  private func call(_ arguments: [String]) throws -> String {
    // -N: the server is there already, and nobody else starts one.
    let all = ["-N", "-S", directory.path + "/tmux.sock"] + arguments
    let outcome = try Executable.run(program: Self.program ?? "tmux", all)
    guard outcome.status == 0 else { throw Failed(arguments: all, errors: outcome.errors) }
    return outcome.output
  }

  func resize(columns: Int, rows: Int) throws {
    try call(["resize-window", "-x", "\(columns)", "-y", "\(rows)"])
  }

  func type(_ key: String) throws { try call(["send-keys", key]) }

  /// What the window shows, a line for each row. - Parameter isJoined: rows that were wrapped are one line.
  func screen(isJoined: Bool = false) throws -> [String] {
    let text = try call(["capture-pane", "-p"] + (isJoined ? ["-J"] : []))
    return text.split(separator: "\n", omittingEmptySubsequences: false).dropLast().map { line in
      String(line.reversed().drop { $0 == " " }.reversed())
    }
  }

  /// `alternate 1 cursor 0`: the alternate screen is shown, the cursor is not.
  func modes() throws -> String {
    try call(["display-message", "-p", "alternate #{alternate_on} cursor #{cursor_flag}"])
      .trimmingCharacters(in: .newlines)
  }

  /// From now on everything that the program writes goes into this file, too.
  func copyOutput(to path: String) throws { try call(["pipe-pane", "exec cat >> '\(path)'"]) }

  /// Looks until `isRight` holds of the screen, at most a minute. - Returns: the last screen.
  func screen(until isRight: ([String]) -> Bool) throws -> [String] {
    let deadline = Date(timeIntervalSinceNow: Self.timeoutSeconds)
    var lines = try screen()
    while !isRight(lines), Date() < deadline {
      usleep(50_000)
      lines = try screen()
    }
    return lines
  }
}
