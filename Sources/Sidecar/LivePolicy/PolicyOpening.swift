import Logging
import Policy

/// What the sidecar starts with: the policy that it was told, or the one that was in force when it ended.
///
/// The newer one wins: a file that changed since it was read last comes into force under a new generation; one that
/// did not change does not undo what was applied after it. A file that is wrong never stops a sidecar that knows a
/// good one.
struct PolicyOpening {
  var log: PolicyLog?
  /// Oldest first; never empty.
  var entries: [PolicyEntry]
  var failure: FailedUpdate?

  /// - Parameter stateDirectory: nil keeps policies in memory only.
  /// - Throws: when there is no good policy at all.
  static func open(
    _ load: PolicyLoad, stateDirectory: String?, limit: Int, log: Logger
  ) throws(PolicyUpdateError) -> PolicyOpening {
    let kept = stateDirectory.flatMap { openLog($0, limit, log) }
    let known = kept?.entries ?? []
    let now = Services.unixMs()
    switch load.outcome {
    case .success(let document):
      if let last = known.last, known.lastFromFile?.document == document {
        if last.source != .start {
          log.notice(
            "the policy applied last serves on; the one given has not changed since it was read",
            metadata: ["generation": "\(last.generation)", "name": "\(last.document.config.name)"])
        }
        return PolicyOpening(log: kept, entries: known, failure: nil)
      }
      let entry = PolicyEntry(
        generation: (known.last?.generation ?? 0) + 1, document: document, source: .start, atUnixMs: now)
      do throws(PolicyLogError) { try kept?.append(entry) } catch {
        log.warning("the policy is not kept on disk", metadata: ["reason": "\(error.description)"])
        return PolicyOpening(log: nil, entries: known + [entry], failure: nil)
      }
      return PolicyOpening(log: kept, entries: kept?.entries ?? [entry], failure: nil)
    case .failure(let error):
      guard let last = known.last else { throw error }
      log.error(
        "the policy given is wrong; the last known good one serves",
        metadata: [
          "generation": "\(last.generation)", "name": "\(last.document.config.name)", "details": "\(error.details)",
        ])
      let failure = FailedUpdate(
        source: .start, atUnixMs: now, peer: nil, document: load.json, details: error.details)
      return PolicyOpening(log: kept, entries: known, failure: failure)
    }
  }

  private static func openLog(_ directory: String, _ limit: Int, _ log: Logger) -> PolicyLog? {
    do throws(PolicyLogError) { return try PolicyLog(directory: directory, limit: limit) } catch {
      log.warning("policies are kept in memory only", metadata: ["reason": "\(error.description)"])
      return nil
    }
  }
}
