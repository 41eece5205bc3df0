import WireProtocol

/// `coxswain.v1.Reflection`: the methods and the schemas of their messages.
enum Reflection {
  static let serviceNames: Set<String> = Set(
    WireMethod.allCases.map { String($0.rawValue.prefix { $0 != "/" }) })

  /// Schemas of request and reply by name, as `coxswain schema NAME` prints them; nil for an empty or trivial message.
  static func schemas(_ method: WireMethod) -> (request: String?, reply: String?) {
    switch method {
    case .register: ("register-v1", "register-reply-v1")
    case .step: ("step-v1", "step-reply-v1")
    case .plan: ("plan-v1", "step-reply-v1")
    case .unregister: (nil, nil)
    case .snapshot, .watchSnapshot: (nil, "snapshot-v1")
    case .topology: (nil, "topology-v1")
    case .policyGet: (nil, "policy-get-reply-v1")
    case .policyValidate: ("policy-validate-v1", "policy-validate-reply-v1")
    case .policyApply: ("policy-apply-v1", "policy-change-reply-v1")
    case .policyRollback: ("policy-rollback-v1", "policy-change-reply-v1")
    case .policyHistory: ("policy-history-v1", "policy-history-reply-v1")
    case .status: (nil, "status-v1")
    case .requests: ("requests-v1", "requests-reply-v1")
    case .explain: ("explain-v1", "explain-reply-v1")
    case .policyDryRun: ("policy-dry-run-v1", "policy-dry-run-reply-v1")
    case .metrics: (nil, "metrics-reply-v1")
    case .drain: ("drain-v1", "drain-reply-v1")
    case .record: ("record-v1", "record-reply-v1")
    case .healthCheck, .healthWatch: ("health-v1", "health-reply-v1")
    case .reflectionList: (nil, "reflection-v1")
    }
  }

  static let list: JSONValue = [
    "methods": .array(
      WireMethod.allCases.map { method in
        let schemas = schemas(method)
        return [
          "method": .string(method.rawValue), "stream": .bool(method.isStream),
          "sockets": .array(
            SocketKind.allCases.filter { $0.serves(method) }.map { .string($0.rawValue) }),
          "request_schema": schemas.request.map { .string("urn:coxswain:schema:\(versioned($0))") } ?? .null,
          "reply_schema": schemas.reply.map { .string("urn:coxswain:schema:\(versioned($0))") } ?? .null,
        ]
      })
  ]

  /// `step-v1` is `step:v1` in a schema's id.
  private static func versioned(_ name: String) -> String {
    let parts = name.split(separator: "-")
    return parts.dropLast().joined(separator: "-") + ":" + (parts.last ?? "")
  }
}
