import Logging
import Policy
import WireProtocol

extension Services {
  /// Bytes of a comment in the audit log.
  static let commentBytes = 500

  /// `Policy/Apply`: the answer comes when every session follows the new policy.
  func applyPolicy(_ message: JSONValue, _ peer: PeerCredentials?) async throws(CallError) -> JSONValue {
    let reader = try MessageReader(message)
    guard let policy = message["policy"] else {
      throw .invalid(field: "/policy", "missing; expected a policy")
    }
    var change = PolicyChange(content: .document(policy), source: .apply, peer: peer)
    try readCommon(reader, into: &change)
    return try await changePolicy(change)
  }

  /// `Policy/Rollback`: an earlier policy under a new generation.
  func rollBackPolicy(_ message: JSONValue, _ peer: PeerCredentials?) async throws(CallError) -> JSONValue {
    let reader = try MessageReader(message)
    var wanted: Int?
    if message["generation"]?.isNull == false { wanted = try reader.integer("generation", in: 1 ... .max) }
    var change = PolicyChange(content: .generation(wanted), source: .rollback, peer: peer)
    try readCommon(reader, into: &change)
    return try await changePolicy(change)
  }

  private func readCommon(_ reader: MessageReader, into change: inout PolicyChange) throws(CallError) {
    change.comment = try reader.string("comment", maxBytes: Self.commentBytes, default: "")
    if reader.object["expected_generation"]?.isNull == false {
      change.expectedGeneration = try reader.integer("expected_generation", in: 0 ... .max)
    }
  }

  private func changePolicy(_ change: PolicyChange) async throws(CallError) -> JSONValue {
    let before = registry.policy
    let outcome = await takePolicy(change)
    let (entry, switchesUs) = try outcome.mapError(\.callError).get()
    return [
      "generation": JSONValue(entry.generation), "name": .string(entry.document.config.name),
      "previous_generation": JSONValue(before.generation), "previous_name": .string(before.document.config.name),
      "restored_generation": entry.restored.map { JSONValue($0) } ?? nil, "sessions": JSONValue(switchesUs.count),
      "longest_switch_us": JSONValue(switchesUs.max() ?? 0),
      "warnings": .array(entry.document.warnings.map { .string($0) }),
    ]
  }

  /// Puts a policy in force and hands it to every session, each between two of its Steps. The change is checked and
  /// kept on disk before; a session only takes a value over.
  private func takePolicy(
    _ change: PolicyChange
  ) async -> Result<(entry: PolicyEntry, switchesUs: [Int]), PolicyUpdateError> {
    let policy = policy
    let result: Result<PolicyEntry, PolicyUpdateError>
    do throws(CallError) {
      result = try await policyBench.run {
        do throws(PolicyUpdateError) { return .success(try policy.apply(change)) } catch { return .failure(error) }
      }
    } catch { return .failure(.notKept(error.message)) }
    registry.metrics.countPolicyUpdate(source: change.source, isApplied: (try? result.get()) != nil)
    switch result {
    case .failure(let error):
      log.warning("policy refused", metadata: metadata(change, ["details": "\(error.details)"]))
      return .failure(error)
    case .success(let entry):
      let active = ActivePolicy(document: entry.document, generation: entry.generation)
      var switchesUs: [Int] = []
      for handle in sessions.handles {
        if let us = await handle.follow(active) { switchesUs.append(us) }
      }
      log.notice(
        "policy in force",
        metadata: metadata(
          change,
          [
            "generation": "\(entry.generation)", "name": "\(active.document.config.name)",
            "sessions": "\(switchesUs.count)",
          ]))
      return .success((entry, switchesUs))
    }
  }

  private func metadata(_ change: PolicyChange, _ more: Logger.Metadata) -> Logger.Metadata {
    var metadata = more
    metadata["source"] = "\(change.source.rawValue)"
    if let peer = change.peer { metadata["uid"] = "\(peer.uid)" }
    return metadata
  }

  /// `Policy/History`, newest first.
  func policyHistory(_ message: JSONValue) throws(CallError) -> JSONValue {
    let limit = try MessageReader(message).integer("limit", in: 1...limits.policyHistory, default: 20)
    return ["entries": .array(policy.history(limit: limit).map(\.json))]
  }

  /// Reads the policy again whenever its source says so, until the task is cancelled.
  func follow(_ source: PolicySource, _ manager: ServiceManager) async {
    for await _ in source.reloads {
      manager.reloading()
      let outcome = await takePolicy(PolicyChange(content: .loaded(source.load()), source: .reload))
      switch outcome {
      case .success: manager.ready(readyText)
      case .failure(let error): manager.ready("\(readyText); the reload was refused: \(error.details)")
      }
    }
  }

  /// What the service manager shows.
  var readyText: String {
    let policy = registry.policy
    return "serving policy \(policy.document.config.name), generation \(policy.generation)"
  }
}
