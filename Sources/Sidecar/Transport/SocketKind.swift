import WireProtocol

/// The sockets of the sidecar and what each serves (Docs/wire.md, "Wire").
public enum SocketKind: String, CaseIterable, Hashable, Sendable {
  case engine
  case admin

  /// Name in the runtime directory.
  public var fileName: String { "\(rawValue).sock" }

  func serves(_ method: WireMethod) -> Bool {
    switch method {
    case .healthCheck, .healthWatch, .reflectionList: true
    case .register, .step, .plan, .unregister: self == .engine
    case .snapshot, .watchSnapshot, .topology, .policyGet, .policyValidate, .policyApply, .policyRollback,
      .policyHistory, .policyDryRun, .explain,
      .status, .requests, .drain, .record, .metrics:
      self == .admin
    }
  }

  /// Services that only the admin socket has, whatever the method's name.
  private static let adminServices = ["coxswain.v1.Admin/", "coxswain.v1.Policy/", "coxswain.v1.Resources/"]

  /// The answer to a method that is not served here.
  func refusal(_ method: String) -> CallError {
    let isForeign = WireMethod(rawValue: method) != nil
    let isAdminVerb = self == .engine && Self.adminServices.contains { method.hasPrefix($0) }
    return isForeign || isAdminVerb
      ? .permissionDenied(method: method, socket: rawValue) : .unimplemented(method: method)
  }
}
