/// The methods that this version serves.
public enum WireMethod: String, CaseIterable, Hashable, Sendable {
  case register = "coxswain.v1.Scheduler/Register"
  case step = "coxswain.v1.Scheduler/Step"
  case plan = "coxswain.v1.Scheduler/Plan"
  case unregister = "coxswain.v1.Scheduler/Unregister"
  case snapshot = "coxswain.v1.Resources/Snapshot"
  case watchSnapshot = "coxswain.v1.Resources/WatchSnapshot"
  case topology = "coxswain.v1.Resources/Topology"
  case policyGet = "coxswain.v1.Policy/Get"
  case policyValidate = "coxswain.v1.Policy/Validate"
  case policyDryRun = "coxswain.v1.Policy/DryRun"
  case policyApply = "coxswain.v1.Policy/Apply"
  case policyRollback = "coxswain.v1.Policy/Rollback"
  case policyHistory = "coxswain.v1.Policy/History"
  case status = "coxswain.v1.Admin/Status"
  case requests = "coxswain.v1.Admin/Requests"
  case explain = "coxswain.v1.Admin/Explain"
  case metrics = "coxswain.v1.Admin/Metrics"
  case drain = "coxswain.v1.Admin/Drain"
  case record = "coxswain.v1.Admin/Record"
  case healthCheck = "grpc.health.v1.Health/Check"
  case healthWatch = "grpc.health.v1.Health/Watch"
  case reflectionList = "coxswain.v1.Reflection/List"

  /// Answers with several replies, the last of which carries the status.
  public var isStream: Bool { self == .watchSnapshot || self == .healthWatch || self == .record }
}
