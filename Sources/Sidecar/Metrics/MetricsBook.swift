import SchedulerCore
import Synchronization

/// What sessions that ended had counted: counters must not go back when an engine registers anew.
final class MetricsBook: Sendable {
  /// Engines with series of their own; later ones share `otherName`.
  static let engineLimit = 8
  static let otherName = "other"

  struct Contents: Sendable {
    /// Engine names in order of first use.
    var names: [String] = []
    var engines: [String: EngineTotals] = [:]
    var decisions = DecisionMetrics()
    var policyUpdates: [[String]: Int] = [:]

    /// The name under which an engine's series go.
    mutating func name(of engine: String) -> String {
      if names.contains(engine) { return engine }
      guard names.count < MetricsBook.engineLimit, engine != MetricsBook.otherName else { return MetricsBook.otherName }
      names.append(engine)
      return engine
    }
  }

  private let contents = Mutex(Contents())

  /// A session begins: its engine takes a name while there is one.
  func open(_ engine: EngineDescription) { contents.withLock { _ = $0.name(of: Self.key(engine)) } }

  /// A session ended.
  func close(
    _ engine: EngineDescription, _ counters: SessionCounters, _ telemetry: Telemetry, _ decisions: DecisionMetrics
  ) {
    contents.withLock { contents in
      let name = contents.name(of: Self.key(engine))
      contents.engines[name, default: EngineTotals()].add(counters, telemetry)
      contents.decisions.add(decisions)
    }
  }

  func countPolicyUpdate(source: PolicyEntry.Source, isApplied: Bool) {
    contents.withLock { $0.policyUpdates[[source.rawValue, isApplied ? "applied" : "refused"], default: 0] += 1 }
  }

  /// A copy, to which the live sessions are added.
  var snapshot: Contents { contents.withLock { $0 } }

  static func key(_ engine: EngineDescription) -> String { "\(engine.serverID)/\(engine.dpRank)" }
}
