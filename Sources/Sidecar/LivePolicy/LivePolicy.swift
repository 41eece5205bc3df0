import Policy
import Synchronization
import WireProtocol

/// The policy in force and how it changes: checked, kept on disk, then handed out under a new generation, one change
/// after the other. Whatever fails, the policy before serves on.
final class LivePolicy: Sendable {
  private struct Contents {
    /// nil: policies are kept in memory only.
    var log: PolicyLog?
    /// Oldest first; never empty.
    var entries: [PolicyEntry]
    var failure: FailedUpdate?
    var lastAttemptUnixMs: Int
  }

  private let contents: Mutex<Contents>
  private let registry: SessionRegistry
  private let limit: Int

  init(_ opening: sending PolicyOpening, registry: SessionRegistry, limit: Int) {
    self.registry = registry
    self.limit = limit
    let lastMs = opening.failure?.atUnixMs ?? opening.entries[opening.entries.count - 1].atUnixMs
    contents = Mutex(
      Contents(
        log: opening.log, entries: opening.entries, failure: opening.failure, lastAttemptUnixMs: lastMs))
  }

  // MARK: - Changes

  /// Blocks until the policy is on disk; sessions get it afterwards.
  func apply(_ change: PolicyChange) throws(PolicyUpdateError) -> PolicyEntry {
    try contents.withLock { (contents) throws(PolicyUpdateError) in
      let now = Services.unixMs()
      contents.lastAttemptUnixMs = now
      do throws(PolicyUpdateError) {
        let entry = try Self.entry(change, contents.entries, now)
        do throws(PolicyLogError) { try contents.log?.append(entry) } catch { throw .notKept(error.description) }
        contents.entries.append(entry)
        contents.entries.trim(to: limit)
        contents.failure = nil
        registry.setPolicy(ActivePolicy(document: entry.document, generation: entry.generation))
        return entry
      } catch {
        contents.failure = FailedUpdate(
          source: change.source, atUnixMs: now, peer: change.peer, document: change.document, details: error.details)
        throw error
      }
    }
  }

  private static func entry(
    _ change: PolicyChange, _ entries: [PolicyEntry], _ now: Int
  ) throws(PolicyUpdateError) -> PolicyEntry {
    let current = entries[entries.count - 1].generation
    if let expected = change.expectedGeneration, expected != current {
      throw .conflict(expected: expected, actual: current)
    }
    var entry = PolicyEntry(
      generation: current + 1, document: entries[entries.count - 1].document, source: change.source, atUnixMs: now,
      peer: change.peer, comment: change.comment)
    switch change.content {
    case .document(let json):
      do throws(PolicyErrors) { entry.document = try PolicyDocument.decode(json) } catch { throw .invalid(error) }
    case .loaded(let load): entry.document = try load.outcome.get()
    case .generation(let wanted):
      let generation = wanted ?? entries.dropLast().last?.generation ?? 0
      guard let old = entries.last(where: { $0.generation == generation }) else {
        throw .unknownGeneration(generation)
      }
      entry.document = old.document
      entry.restored = generation
    }
    return entry
  }

  // MARK: - What is known

  /// Newest first.
  func history(limit: Int) -> [PolicyEntry] {
    contents.withLock { Array($0.entries.suffix(limit).reversed()) }
  }

  var isLastUpdateFailed: Bool { contents.withLock { $0.failure != nil } }

  /// `policy` of Admin/Status.
  var status: JSONValue {
    contents.withLock { contents in
      let entry = contents.entries[contents.entries.count - 1]
      let failure = contents.failure
      return [
        "name": .string(entry.document.config.name), "generation": JSONValue(entry.generation),
        "source": .string(entry.source.rawValue), "applied_at_unix_ms": JSONValue(entry.atUnixMs),
        "applied_by_uid": entry.peer.map { JSONValue($0.uid) } ?? nil,
        "state_directory": contents.log.map { .string($0.directory) } ?? nil,
        "last_update_attempt": .string(Timestamp.text(unixMs: contents.lastAttemptUnixMs)),
        "last_update_failed": .bool(failure != nil), "failed_configuration": failure?.document ?? nil,
        "failed_source": failure.map { .string($0.source.rawValue) } ?? nil,
        "failed_by_uid": failure?.peer.map { JSONValue($0.uid) } ?? nil,
        "details": .string(failure?.details ?? ""),
      ]
    }
  }
}
