import ArgumentParser
import HardwareProbes
import WireClient
import WireProtocol

struct SnapshotCommand: ParsableCommand {
  static let intervalRangeMs = 100...3_600_000

  static let configuration = CommandConfiguration(
    commandName: "snapshot", abstract: "This machine as plans see it: CPU, memory, pressure, cgroup, NUMA, devices.",
    discussion: """
      Every figure has a status (ok, unsupported, denied, stale, lost) and an age. The sidecar is asked; if none was
      named and none runs, this process looks by itself.

      EXAMPLES
        coxswain snapshot
        coxswain snapshot --watch --interval-ms 500
        coxswain snapshot -o json | jq .memory
      """)

  @Flag(help: "Go on until interrupted; JSON comes as one line per snapshot.") var watch = false
  @Option(help: ArgumentHelp("Time between two snapshots of --watch, in milliseconds.", valueName: "ms"))
  var intervalMs = 1000
  @OptionGroup var machine: MachineOptions
  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions

  func validate() throws {
    guard Self.intervalRangeMs.contains(intervalMs) else {
      throw ValidationError("--interval-ms \(intervalMs): expected \(Self.intervalRangeMs)")
    }
    guard !(watch && machine.local) else { throw ValidationError("--watch needs a sidecar; leave --local out") }
  }

  func run() throws {
    if watch { return try follow() }
    let snapshot = try machine.document(.snapshot, connection) { () throws(CommandFailure) in
      try LocalMachine.snapshot()
    }
    if output.isJSON { return try StandardOutput.document(snapshot) }
    try StandardOutput.write(renderSnapshot(snapshot, width: Terminal.output.width))
  }

  private func follow() throws(CommandFailure) {
    let client = try connection.connectToAdmin()
    var failure: CommandFailure?
    let last: Reply?
    do throws(WireClientError) {
      last = try client.callStreaming(
        .watchSnapshot, message: ["interval_ms": JSONValue(intervalMs)],
        idleTimeoutUs: connection.timeoutUs + intervalMs * 1000
      ) { item in
        do throws(CommandFailure) { try show(item) } catch { failure = error }
        return failure == nil
      }
    } catch {
      throw CommandFailure(error)
    }
    if let failure { throw failure }
    if let error = last?.error { throw CommandFailure(error) }
  }

  private func show(_ item: JSONValue) throws(CommandFailure) {
    if output.isJSON { return try StandardOutput.line(item.text) }
    if let lost = item["gap"]?["lost"]?.integerValue {
      return StandardError.line("coxswain: too slow, \(lost) snapshots lost")
    }
    let clear = Terminal.output.isTerminal ? "\u{1B}[H\u{1B}[2J" : ""
    try StandardOutput.write(clear + renderSnapshot(item, width: Terminal.output.width))
  }
}
