import Policy
import WireClient
import WireProtocol

/// The policy that a running sidecar follows.
struct RunningPolicy {
  var generation: Int
  var document: PolicyDocument

  var name: String { document.config.name }

  static func fetch(_ client: WireClient, timeoutUs: Int) throws(CommandFailure) -> RunningPolicy {
    let reply = try client.answer(to: .policyGet, timeoutUs: timeoutUs)
    do throws(PolicyErrors) {
      return RunningPolicy(
        generation: reply["generation"]?.integerValue ?? 0,
        document: try PolicyDocument.decode(reply["effective"] ?? reply["policy"] ?? nil))
    } catch {
      throw CommandFailure(.failed, "the sidecar's policy is of another version:\n\(error.description)")
    }
  }
}
