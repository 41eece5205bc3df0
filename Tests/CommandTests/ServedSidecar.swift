import Foundation
import WireClient
import WireProtocol

/// A real `coxswain serve` on sockets of its own.
final class ServedSidecar {
  struct NeverListened: Error {
    var log: String
  }

  private static let startTimeoutSeconds = 60.0
  let runtime: RuntimeDirectory
  private let process: Process
  private let logPath: String

  /// Returns once both sockets accept connections.
  /// - Parameters:
  ///   - entry: a line of shell that runs `"$@"`; nil to start it directly.
  ///   - environment: added to this process's.
  init(
    in directory: TemporaryDirectory, _ arguments: [String] = [], entry: String? = nil,
    environment: [String: String] = [:]
  ) throws {
    runtime = RuntimeDirectory(path: directory.path + "/run")
    logPath = try directory.file("serve-\(UUID().uuidString).log", "")
    let serve = ["serve", "--runtime-dir", directory.path + "/run"] + arguments
    if let entry {
      let line = ["-c", entry, "sh", Executable.path] + serve
      process = try Executable.process(program: "/bin/sh", line, environment: environment)
    } else {
      process = try Executable.process(serve, environment: environment)
    }
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = FileHandle.nullDevice
    process.standardError = FileHandle(forWritingAtPath: logPath)
    try process.run()
    let deadline = Date(timeIntervalSinceNow: Self.startTimeoutSeconds)
    while !log.contains("listening") {
      guard process.isRunning, Date() < deadline else {
        process.terminate()
        throw NeverListened(log: log)
      }
      usleep(10_000)
    }
  }

  deinit { if process.isRunning { kill(process.processIdentifier, SIGKILL) } }

  var log: String { (try? String(contentsOfFile: logPath, encoding: .utf8)) ?? "" }

  /// Sends a signal and waits for the end. - Returns: the exit status, negative for a signal.
  @discardableResult
  func end(with signal: Int32) -> Int32 {
    kill(process.processIdentifier, signal)
    process.waitUntilExit()
    return process.terminationReason == .exit ? process.terminationStatus : -process.terminationStatus
  }

  var pid: Int32 { process.processIdentifier }

  func send(_ signal: Int32) { kill(process.processIdentifier, signal) }

  /// Runs a command against this sidecar.
  func command(_ arguments: [String]) throws -> Executable.Outcome {
    try Executable.run(arguments + ["--runtime-dir", runtime.path])
  }

  // MARK: - As an engine

  /// Registers, and sends one Step with a running, a waiting and a blocked request.
  func registerEngine() throws -> WireClient {
    let (client, reply) = try firstStep()
    if let error = reply.error { throw error }
    return client
  }

  /// Registers, sends that Step, and returns its reply.
  func firstStep() throws -> (client: WireClient, reply: Reply) {
    let client = try WireClient(path: runtime.engineSocket)
    let registered = try client.call(.register, message: Samples.register)
    guard let epoch = registered.message["epoch"] else { throw NeverListened(log: "\(registered)") }
    guard case .object(var step) = Samples.step else { throw NeverListened(log: "no Step") }
    step["epoch"] = epoch
    step["seq"] = 1
    return (client, try client.call(.step, message: .object(step)))
  }
}
