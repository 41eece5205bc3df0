import Logging
import Policy
import SchedulerCore
import WireProtocol

/// Everything that is answered off the hot path. Values only: any connection may hold it.
struct Services: Sendable {
  let registry: SessionRegistry
  let sessions: SessionDirectory
  let resources: ResourceSource
  let health: HealthState
  let tasks = RunningTasks()
  let executor = ServiceExecutor()
  /// For what operators ask for and takes long.
  let bench = Workbench()
  /// For changes of the policy, which wait for the disk and never for the other bench.
  let policyBench = Workbench()
  let policy: LivePolicy
  let ended: EndedRecordings
  let limits: SidecarLimits
  let version: String
  let startedUs: Int
  let log: Logger

  /// Answers one call that is no stream.
  /// - Parameter peer: who asks; nil when the kernel does not say.
  func answer(
    _ method: WireMethod, _ message: JSONValue, from peer: PeerCredentials?
  ) async -> Result<JSONValue, CallError> {
    do throws(CallError) { return .success(try await reply(method, message, peer)) } catch { return .failure(error) }
  }

  private func reply(
    _ method: WireMethod, _ message: JSONValue, _ peer: PeerCredentials?
  ) async throws(CallError) -> JSONValue {
    switch method {
    case .plan:
      try StatelessPlan.answer(
        message, policy: registry.policy.document, resources: resources.current(), limits: limits.mirror)
    case .status: await status()
    case .metrics: await metricsReply()
    case .explain: try await explain(message)
    case .drain: try await drain(message, peer)
    case .policyDryRun: try await dryRunPolicy(message)
    case .requests: try await requests(message)
    case .policyGet: policyInForce()
    case .policyValidate: validate(message)
    case .policyApply: try await applyPolicy(message, peer)
    case .policyRollback: try await rollBackPolicy(message, peer)
    case .policyHistory: try policyHistory(message)
    case .snapshot: resources.snapshot()
    case .topology: try topology()
    case .healthCheck: try healthCheck(message)
    case .reflectionList: Reflection.list
    case .register, .step, .unregister, .watchSnapshot, .healthWatch, .record:
      throw .unimplemented(method: method.rawValue)
    }
  }

  // MARK: - Admin

  /// Every session as it is now, each between two of its Steps.
  func views() async -> [SessionView] {
    var views: [SessionView] = []
    for handle in sessions.handles {
      handle.flushCharges()
      if let view = await handle.view() { views.append(view) }
    }
    return views
  }

  private func status() async -> JSONValue {
    let views = await views().map(\.json)
    return [
      "version": .string(version), "uptime_ms": JSONValue((MonotonicClock.nowUs() - startedUs) / 1000),
      "health": .string(health.now.isReady ? "SERVING" : "NOT_SERVING"),
      "draining": health.drain?.json ?? .null,
      "policy": policy.status,
      "sessions": .array(views),
      "tenants": .array(
        registry.tenantCharges().map { ["name": .string($0.tenant), "charged_tokens": JSONValue($0.tokens)] }),
    ]
  }

  private func requests(_ message: JSONValue) async throws(CallError) -> JSONValue {
    let reader = try MessageReader(message)
    let wanted = try reader.string("session", default: "")
    let limit = try reader.integer("limit", in: 1...limits.requestsListed, default: 1_000)
    var lists: [JSONValue] = []
    var rest = limit
    for handle in sessions.handles {
      guard let list = await handle.requests(of: wanted, limit: rest) else { continue }
      rest -= list.requests.count
      let registration = list.view.registration
      lists.append([
        "session": .string(registration.session), "server_id": .string(registration.engine.serverID),
        "dp_rank": JSONValue(registration.engine.dpRank), "epoch": JSONValue(registration.epoch),
        "seq": JSONValue(list.view.seq), "requests": .array(list.requests.map(\.json)),
        "total": JSONValue(list.total),
      ])
    }
    guard wanted.isEmpty || !lists.isEmpty else {
      throw .unknownSession(wanted)
    }
    return ["sessions": .array(lists)]
  }

  // MARK: - Policy

  private func policyInForce() -> JSONValue {
    let policy = registry.policy
    return [
      "name": .string(policy.document.config.name), "generation": JSONValue(policy.generation),
      "policy": policy.document.json, "effective": policy.document.effective,
    ]
  }

  private func validate(_ message: JSONValue) -> JSONValue {
    PolicyVerdict { () throws(PolicyErrors) in try PolicyDocument.decode(message["policy"] ?? .null) }.json
  }

  // MARK: - Resources and health

  private func topology() throws(CallError) -> JSONValue {
    guard let topology = resources.topology() else {
      throw CallError(
        .unavailable, "no topology yet", details: ["reason": "TOPOLOGY_UNKNOWN", "retry_after_ms": 1_000])
    }
    return topology
  }

  private func healthCheck(_ message: JSONValue) throws(CallError) -> JSONValue {
    return HealthState.message(health.now.isServing(try aspect(message)))
  }

  /// What the service of a health request stands for.
  func aspect(_ message: JSONValue) throws(CallError) -> Health.Aspect {
    let service = try MessageReader(message).string("service", default: "")
    guard let aspect = Health.Aspect(service: service) else {
      throw CallError(
        .notFound, "no service \(service)", details: ["field": "/service", "reason": "UNKNOWN_SERVICE"])
    }
    return aspect
  }
}
