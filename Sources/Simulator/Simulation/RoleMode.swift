/// How prefill and decode are divided among the like instances of a run.
public enum RoleMode: String, CaseIterable, Hashable, Sendable {
  /// Every instance does both.
  case mixed
  /// The first half prefills, the others decode.
  case prefillDecode = "prefill_decode"
  /// The core's planner decides while the run lasts, and starts mixed.
  case auto

  func role(of index: Int, among count: Int) -> EngineRole {
    guard self == .prefillDecode else { return .both }
    return index < max(1, count / 2) ? .prefill : .decode
  }
}
