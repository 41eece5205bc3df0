import Foundation
import WireProtocol

/// The built `coxswain`, beside the test bundle.
enum Executable {
  struct Outcome {
    var status: Int32
    var output: String
    var errors: String

    /// Standard output as one JSON document.
    func json() throws -> JSONValue { try JSONValue(parsing: Array(output.utf8)) }
  }

  /// Far beyond what any command takes; a hung one must not hang the suite.
  private static let timeoutSeconds = 120.0

  static let path: String = {
    let bundle = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""
    return URL(fileURLWithPath: bundle).deletingLastPathComponent().appendingPathComponent("coxswain").path
  }()

  /// Runs it to its end. - Parameter environment: added to this process's.
  static func run(_ arguments: [String], input: String = "", environment: [String: String] = [:]) throws -> Outcome {
    try run(program: path, arguments, input: input, environment: environment)
  }

  /// Runs a line of shell in which `$COXSWAIN` is the executable.
  static func shell(_ line: String) throws -> Outcome {
    try run(program: "/bin/sh", ["-c", line], input: "", environment: ["COXSWAIN": path])
  }

  /// The same for any other program.
  static func run(
    program: String, _ arguments: [String], input: String = "", environment: [String: String] = [:]
  ) throws -> Outcome {
    let directory = try TemporaryDirectory()
    let process = try process(program: program, arguments, environment: environment)
    process.standardInput = FileHandle(forReadingAtPath: try directory.file("in", input))
    // Files, not pipes: whatever the size, nobody has to read while it runs.
    process.standardOutput = FileHandle(forWritingAtPath: try directory.file("out", ""))
    process.standardError = FileHandle(forWritingAtPath: try directory.file("err", ""))
    try process.run()
    // The queue keeps the item until its time: it must not keep the process and its files open for so long. With more
    // than about 1,350 files open, Foundation's own count of them reads past its buffer.
    let pid = process.processIdentifier
    let watchdog = DispatchWorkItem { kill(pid, SIGTERM) }
    DispatchQueue.global().asyncAfter(deadline: .now() + timeoutSeconds, execute: watchdog)
    process.waitUntilExit()
    watchdog.cancel()
    return Outcome(
      status: process.terminationReason == .exit ? process.terminationStatus : -process.terminationStatus,
      output: try String(contentsOfFile: directory.path + "/out", encoding: .utf8),
      errors: try String(contentsOfFile: directory.path + "/err", encoding: .utf8))
  }

  static func process(
    program: String = path, _ arguments: [String], environment: [String: String] = [:]
  ) throws -> Process {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: program)
    process.arguments = arguments
    process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
    return process
  }
}
