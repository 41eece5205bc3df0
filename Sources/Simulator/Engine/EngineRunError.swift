import WireClient
import WireProtocol

/// Why a run of the reference engine ended early. A plan that breaks a rule is one: the engine fails loudly.
public enum EngineRunError: Error, CustomStringConvertible {
  case workload(WorkloadError)
  case link(WireClientError)
  case refused(seq: UInt64, error: CallError)
  case badReply(seq: UInt64, reason: String)
  case outOfOrder(expected: UInt64, found: UInt64)
  case invalidPlan(seq: UInt64, rule: String, detail: String)
  /// No instance serves this part of this model's requests.
  case noInstance(model: Int, role: String)
  /// Nothing runs, nothing arrives, and requests are left.
  case stuck(seq: UInt64, requests: Int)

  public var description: String {
    switch self {
    case .workload(let error): "\(error)"
    case .link(let error): "the sidecar: \(error)"
    case .refused(let seq, let error): "Step \(seq): \(error.code.rawValue): \(error.message)"
    case .badReply(let seq, let reason): "Step \(seq): the reply is no plan: \(reason)"
    case .outOfOrder(let expected, let found): "reply to call \(found); expected \(expected)"
    case .invalidPlan(let seq, let rule, let detail): "Step \(seq): invalid plan: \(rule): \(detail)"
    case .noInstance(let model, let role): "no instance with role \(role) or both serves model \(model)"
    case .stuck(let seq, let requests): "Step \(seq): \(requests) requests left and the plans stay empty"
    }
  }
}
