import ArgumentParser
import Policy
import SchedulerCore
import Sidecar
import WireClient
import WireProtocol

struct PlanCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "plan", abstract: "Make one plan for a queue that a file describes whole.",
    discussion: """
      The file holds the message of Scheduler/Plan: {"register":{...},"step":{...},"policy":{...}} (the policy is
      optional); a whole request envelope is taken too. No sidecar is needed: the plan is made in this process, without
      looking at the machine, so that the same file always gives the same bytes.

      EXAMPLES
        coxswain plan --from request.json
        coxswain plan --from request.json --policy vllm-v1-priority -o json
        coxswain plan --from - --socket < request.json
      """)

  @Option(help: ArgumentHelp("File with the message; - for standard input.", valueName: "file")) var from: String
  @Option(help: ArgumentHelp("Policy file or preset in place of the file's own.", valueName: "policy"))
  var policy: String?
  @Flag(help: "Ask the running sidecar instead, over its engine socket.") var socket = false
  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions

  func run() throws {
    var message = try InputFile.json(from)
    if message["method"]?.stringValue == WireMethod.plan.rawValue, let inner = message["message"] { message = inner }
    let reply = try socket ? askSidecar(message) : planHere(message)
    if output.isJSON { return try StandardOutput.document(reply) }
    try StandardOutput.write(PlanText.text(reply["plan"] ?? [:]))
  }

  private func planHere(_ message: JSONValue) throws(CommandFailure) -> JSONValue {
    let document = try PolicyArgument.load(policy)
    do throws(CallError) {
      return try StatelessPlan.answer(
        policy == nil ? message : message.without("policy"), policy: document, resources: .unknown)
    } catch {
      throw Self.failure(error)
    }
  }

  private func askSidecar(_ message: JSONValue) throws(CommandFailure) -> JSONValue {
    var message = message
    if let policy {
      guard case .object(var object) = message else { throw CommandFailure(.failed, "\(from): expected an object") }
      object["policy"] = try PolicyArgument.load(policy).json
      message = .object(object)
    }
    let client = try connection.connect(to: connection.directory.engineSocket)
    return try client.answer(to: .plan, message, timeoutUs: connection.timeoutUs)
  }

  private static func failure(_ error: CallError) -> CommandFailure {
    guard error.details["reason"]?.stringValue == "INVALID_POLICY" else { return CommandFailure(error) }
    return CommandFailure(.badConfiguration, error.message)
  }
}

extension JSONValue {
  /// The same object without one member.
  fileprivate func without(_ name: String) -> JSONValue {
    guard case .object(var object) = self else { return self }
    object[name] = nil
    return .object(object)
  }
}
