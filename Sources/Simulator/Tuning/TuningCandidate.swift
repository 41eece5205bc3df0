import WireProtocol

/// Something that a step tries: members of a policy file to lay over the policy so far.
public struct TuningCandidate: Hashable, Sendable {
  /// As people read it.
  public var name: String
  /// In the policy file's own members.
  public var change: JSONObject
  /// Prefill and decode among the instances; nil: as they are. No member of a policy file says this.
  public var roles: RoleMode?

  init(_ name: String, _ change: JSONObject, roles: RoleMode? = nil) {
    self.name = name
    self.change = change
    self.roles = roles
  }
}
