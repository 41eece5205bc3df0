import ArgumentParser
import WireClient
import WireProtocol

struct TopCommand: ParsableCommand {
  static let intervalRangeMs = 100...60_000

  static let configuration = CommandConfiguration(
    commandName: "top", abstract: "A live view: queue by class, slack, KV, step times, drafts, tenants, pressure.",
    discussion: """
      Full screen on a terminal (q ends it); elsewhere it prints the view once.

      EXAMPLES
        coxswain top
        coxswain top --interval-ms 250
        coxswain top | cat
      """)

  @Option(help: ArgumentHelp("Time between two looks, in milliseconds.", valueName: "ms")) var intervalMs = 1000
  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions

  func validate() throws {
    guard Self.intervalRangeMs.contains(intervalMs) else {
      throw ValidationError("--interval-ms \(intervalMs): expected \(Self.intervalRangeMs)")
    }
  }

  func run() throws {
    var client = try connection.connectToAdmin()
    let first = try look(client)
    if output.isJSON {
      return try StandardOutput.document(["status": first.status, "queue": first.sample.json])
    }
    guard Terminal.output.isTerminal else {
      let lines = TopScreen.lines(first.sample, since: nil, width: .max)
      return try StandardOutput.line(lines.joined(separator: "\n"))
    }
    try watch(&client, first.sample)
  }

  private func watch(_ client: inout WireClient, _ first: TopSample) throws(CommandFailure) {
    let screen = try FullScreen.entered()
    var previous: TopSample?
    var current = first
    var trouble: String?
    while true {
      let lines = TopScreen.lines(current, since: previous, width: screen.size.columns)
      try screen.draw(lines, footer: trouble.map { "q quit | \($0)" } ?? "q quit")
      switch screen.wait(milliseconds: Int32(intervalMs)) {
      case .quit: return
      case .resize: continue
      case .timeout: break
      }
      do throws(CommandFailure) {
        if client.isClosed { client = try connection.connectToAdmin() }
        let next = try look(client).sample
        previous = current
        current = next
        trouble = nil
      } catch {
        client.close()
        trouble = error.message
      }
    }
  }

  private func look(_ client: WireClient) throws(CommandFailure) -> (status: JSONValue, sample: TopSample) {
    let status = try client.answer(to: .status, timeoutUs: connection.timeoutUs)
    let requests = try client.answer(
      to: .requests, ["limit": JSONValue(TopSample.requestLimit)], timeoutUs: connection.timeoutUs)
    let policy = try client.answer(to: .policyGet, timeoutUs: connection.timeoutUs)
    let snapshot = try client.answer(to: .snapshot, timeoutUs: connection.timeoutUs)
    let sample = TopSample(
      status: status, requests: requests, policy: policy, snapshot: snapshot, takenUs: MonotonicClock.nowUs())
    return (status, sample)
  }
}
