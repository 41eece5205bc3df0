import ArgumentParser
import Glibc
import WireClient
import WireProtocol

struct DrainCommand: ParsableCommand {
  static let timeoutRangeS = 1...86_400
  static let timeoutDefaultS = 300

  static let configuration = CommandConfiguration(
    commandName: "drain",
    abstract: "Take the sidecar out of service: no new engine, and what runs is served to its end.",
    discussion: """
      Readiness (grpc.health.v1, /readyz) turns NOT_SERVING, so that gateways send nothing new; liveness stays SERVING.
      Engines that are registered get plans as before. Nothing is stopped, and a second drain changes nothing. A sidecar
      that is started anew does not drain.

      EXAMPLES
        coxswain drain                           mark it, and show what still runs
        coxswain drain --wait --timeout-s 60     until no request is left; 75 when some are left after a minute
        coxswain drain --resume                  take new engines again
      """)

  @Flag(help: "Wait until no request is left.") var wait = false
  @Option(help: ArgumentHelp("Longest time for --wait, in seconds (default: 300).", valueName: "s")) var timeoutS: Int?
  @Flag(help: "End the draining.") var resume = false
  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions

  func validate() throws {
    guard !(wait && resume) else { throw ValidationError("--wait: not with --resume, which waits for nobody") }
    guard let timeoutS else { return }
    guard wait else { throw ValidationError("--timeout-s: needs --wait") }
    guard Self.timeoutRangeS.contains(timeoutS) else {
      throw ValidationError("--timeout-s \(timeoutS): expected \(Self.timeoutRangeS)")
    }
  }

  func run() throws {
    let client = try connection.connectToAdmin()
    var report = try ask(client, resume ? .resume : .start)
    let isOver = wait ? try finish(client, &report) : true
    if output.isJSON {
      try StandardOutput.document(report)
    } else {
      try StandardOutput.write(Self.text(report, didResume: resume))
    }
    guard isOver else {
      throw CommandFailure(
        .retry, "not done after \(timeoutS ?? Self.timeoutDefaultS) s; the sidecar goes on draining")
    }
  }

  private func ask(_ client: WireClient, _ action: DrainAction) throws(CommandFailure) -> JSONValue {
    try client.answer(to: .drain, ["action": .string(action.rawValue)], timeoutUs: connection.timeoutUs)
  }

  // MARK: - Waiting

  /// Between two looks.
  private static let intervalMs = 200
  /// Looks in a row that must find nothing: a session that was just begun anew has told nothing yet.
  private static let quietLooks = 2

  /// False when the time is over first. - Parameter report: of the last look.
  private func finish(_ client: WireClient, _ report: inout JSONValue) throws(CommandFailure) -> Bool {
    let startUs = MonotonicClock.nowUs()
    let endUs = startUs + (timeoutS ?? Self.timeoutDefaultS) * 1_000_000
    // What was changed is told once, however many looks follow.
    let changed = report["changed"] ?? false
    var bar = ProgressBar()
    defer { bar.finish() }
    var most = 0
    var quiet = 0
    while true {
      let left = report["requests"]?.integerValue ?? 0
      most = max(most, left)
      let elapsedUs = MonotonicClock.nowUs() - startUs
      bar.show(done: most - left, total: most, unit: "requests", note: "draining", elapsedUs: elapsedUs)
      quiet = report["done"]?.boolValue == true ? quiet + 1 : 0
      if quiet >= Self.quietLooks { return true }
      if MonotonicClock.nowUs() >= endUs { return false }
      usleep(UInt32(Self.intervalMs * 1000))
      report = Self.replacing("changed", by: changed, in: try ask(client, .show))
      guard report["draining"]?.isNull == false else {
        throw CommandFailure(.failed, "somebody ended the draining while it was waited for")
      }
    }
  }

  private static func replacing(_ name: String, by value: JSONValue, in json: JSONValue) -> JSONValue {
    guard case .object(var object) = json else { return json }
    object[name] = value
    return .object(object)
  }

  // MARK: - Text

  /// - Parameter report: a reply of Admin/Drain.
  static func text(_ report: JSONValue, didResume: Bool) -> String {
    guard let drain = report["draining"], !drain.isNull else {
      let isChanged = report["changed"]?.boolValue == true
      return (isChanged ? "the sidecar drains no longer: " : "the sidecar was not draining: ")
        + "new engines are taken\nwatch them come: coxswain status\n"
    }
    let sessions = report["sessions"]?.arrayValue ?? []
    var text = since(drain) + "\n"
    if !sessions.isEmpty { text += "\n" + table(sessions).text }
    return text + "\n" + next(report, sessions) + "end it: coxswain drain --resume\n"
  }

  /// - Parameter drain: `draining` of Admin/Drain or Admin/Status.
  static func since(_ drain: JSONValue) -> String {
    let time = ClockText.utc(unixMs: drain["since_unix_ms"]?.integerValue ?? 0)
    let uid = drain["by_uid"]?.integerValue.map { " by uid \($0)" } ?? ""
    return "draining since \(time)\(uid): no new engine is taken"
  }

  private static func next(_ report: JSONValue, _ sessions: [JSONValue]) -> String {
    let left = report["requests"]?.integerValue ?? 0
    if report["done"]?.boolValue == true { return "nothing is left to serve; the sidecar may be stopped    " }
    guard left > 0 else { return "an engine's requests are not known yet; wait for them: coxswain drain --wait    " }
    let count = left == 1 ? "1 request is" : "\(Quantity.count(left)) requests are"
    return "\(count) left; wait for the end: coxswain drain --wait    "
  }

  private static func table(_ sessions: [JSONValue]) -> TextTable {
    var table = TextTable(["SESSION", "SERVER", "STATE", ">RUNNING", ">WAITING", ">BLOCKED"])
    for session in sessions.map(SessionStatus.init) {
      table.add([
        session.name, session.server, session.state, Quantity.count(session.running),
        Quantity.count(session.waiting), Quantity.count(session.blocked),
      ])
    }
    return table
  }
}
