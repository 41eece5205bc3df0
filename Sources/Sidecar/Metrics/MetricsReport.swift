import SchedulerCore
import WireProtocol

/// Fills a scrape from what the sidecar knows. Pure.
struct MetricsReport {
  /// Model names with series of their own.
  static let modelLimit = 8
  /// Groups of requests with series of their own, over all servers.
  static let groupLimit = 128

  var views: [SessionView]
  var book: MetricsBook.Contents
  private(set) var text = MetricsText()

  init(views: [SessionView], book: MetricsBook.Contents) {
    self.views = views
    self.book = book
  }

  // MARK: - Engines and decisions

  mutating func addSessions() {
    var states: [String: Int] = ["syncing": 0, "live": 0, "lost": 0, "replaced": 0]
    for view in views { states[view.state, default: 0] += 1 }
    for (state, count) in states.sorted(by: { $0.key < $1.key }) { text.add(.sessions, [state], Double(count)) }
    addEngines()
    addModels()
    addGroups()
    addDecisions()
  }

  private mutating func addEngines() {
    var gauges: [String: [Double]] = [:]
    var totals = book.engines
    for view in views {
      let name = book.name(of: MetricsBook.key(view.registration.engine))
      totals[name, default: EngineTotals()].add(view.counters, view.telemetry)
      let figures = [
        Double(view.counts.running), Double(view.counts.waiting), Double(view.counts.blocked),
        Double(view.freeBlocks.reduce(0, &+)),
        Double(view.registration.engine.model.pools.reduce(0) { $0 &+ $1.blocks }),
      ]
      gauges[name] = zip(gauges[name] ?? [0, 0, 0, 0, 0], figures).map(+)
    }
    for (name, figures) in gauges.sorted(by: { $0.key < $1.key }) {
      for (family, value) in zip([MetricFamily.running, .waiting, .blocked, .kvFree, .kvTotal], figures) {
        text.add(family, [name], value)
      }
    }
    var exceptions = [Int](repeating: 0, count: StepDelta.ExceptionCause.allCases.count)
    for (name, total) in totals.sorted(by: { $0.key < $1.key }) {
      for (family, value) in total.values { text.add(family, [name], value) }
      for index in exceptions.indices { exceptions[index] &+= total.telemetry.exceptions[index] }
    }
    for cause in StepDelta.ExceptionCause.allCases {
      text.add(.exceptions, [cause.rawValue], Double(exceptions[cause.index]))
    }
  }

  private mutating func addModels() {
    var models: [(name: String, waiting: Int, running: Int, used: Double, total: Double)] = []
    for view in views {
      let model = view.registration.engine.model
      let total = Double(model.pools.reduce(0) { $0 &+ $1.blocks })
      let used = view.freeBlocks.isEmpty ? 0 : total - Double(view.freeBlocks.reduce(0, &+))
      let name =
        models.contains { $0.name == model.id } || models.count < Self.modelLimit ? model.id : MetricsBook.otherName
      let index = models.firstIndex { $0.name == name } ?? models.count
      if index == models.count { models.append((name, 0, 0, 0, 0)) }
      models[index].waiting += view.counts.waiting
      models[index].running += view.counts.running
      models[index].used += used
      models[index].total += total
    }
    for model in models {
      text.add(.modelServerWaiting, [model.name], Double(model.waiting))
      text.add(.modelServerRunning, [model.name], Double(model.running))
      text.add(.modelServerKV, [model.name], model.total > 0 ? max(0, model.used / model.total) : 0)
    }
  }

  /// Groups that differ in objectives only share their series, and so do those beyond the limit.
  private mutating func addGroups() {
    var groups: [[String]: (waiting: Int, waitUs: Int, mostUs: Int)] = [:]
    for view in views {
      let server = book.name(of: MetricsBook.key(view.registration.engine))
      for group in view.groups {
        var labels = [server, group.className, group.adapter]
        if groups[labels] == nil, groups.count >= Self.groupLimit {
          labels = [MetricsBook.otherName, MetricsBook.otherName, MetricsBook.otherName]
        }
        let before = groups[labels] ?? (0, 0, 0)
        groups[labels] = (
          before.waiting + group.waiting, max(before.waitUs, group.wait.meanUs), max(before.mostUs, group.wait.boundUs)
        )
      }
    }
    for (labels, group) in groups.sorted(by: { $0.key.lexicographicallyPrecedes($1.key) }) {
      text.add(.groupWaiting, labels, Double(group.waiting))
      text.add(.groupWait, labels, Double(group.waitUs) / 1e6)
      text.add(.groupWaitMost, labels, Double(group.mostUs) / 1e6)
    }
  }

  private mutating func addDecisions() {
    var decisions = book.decisions
    for view in views { decisions.add(view.decisions) }
    text.add(.stepDuration, [], decisions.stepDuration)
    for (code, count) in decisions.reasons.sorted(by: { $0.key < $1.key }) { text.add(.reasons, [code], Double(count)) }
    for (name, metrics) in decisions.classes {
      text.add(.arrived, [name], Double(metrics.arrived))
      text.add(.finished, [name], Double(metrics.finished))
      text.add(.withinSLO, [name, "ttft"], Double(metrics.withinTTFT))
      text.add(.withinSLO, [name, "tpot"], Double(metrics.withinTPOT))
      text.add(.withinSLO, [name, "both"], Double(metrics.withinBoth))
      text.add(.upgrades, [name], Double(metrics.upgrades))
      text.add(.upgradeReturns, [name], Double(metrics.returns))
      text.add(.queueWait, [name], metrics.queueWait)
      text.add(.timeToFirstToken, [name], metrics.timeToFirstToken)
      text.add(.timePerOutputToken, [name], metrics.timePerOutputToken)
      text.add(.requestDuration, [name], metrics.duration)
    }
  }

  // MARK: - The sidecar and the machine

  mutating func addSidecar(
    version: String, startUnixMs: Int, isServing: Bool, isDraining: Bool, tenants: Int, recordedBytes: Int,
    policy: ActivePolicy, isLastUpdateFailed: Bool
  ) {
    text.add(.buildInfo, [version], 1)
    text.add(.startTime, [], Double(startUnixMs) / 1000)
    text.add(.healthServing, [], isServing ? 1 : 0)
    text.add(.draining, [], isDraining ? 1 : 0)
    text.add(.tenants, [], Double(tenants))
    text.add(.recordedBytes, [], Double(recordedBytes))
    text.add(.policyInfo, [policy.document.config.name], 1)
    text.add(.policyGeneration, [], Double(policy.generation))
    text.add(.policyUpdateFailed, [], isLastUpdateFailed ? 1 : 0)
    for source in PolicyEntry.Source.allCases where source != .start {
      for result in ["applied", "refused"] {
        text.add(
          .policyUpdates, [source.rawValue, result], Double(book.policyUpdates[[source.rawValue, result]] ?? 0))
      }
    }
  }

  /// - Parameter snapshot: the document of Resources/Snapshot.
  mutating func addResources(_ resources: ResourceSnapshot, snapshot: JSONValue) {
    var statuses: [String: Int] = ["ok": 0, "unsupported": 0, "denied": 0, "stale": 0, "lost": 0]
    Self.countLeaves(snapshot, into: &statuses)
    for (status, count) in statuses.sorted(by: { $0.key < $1.key }) {
      text.add(.resourceLeaves, [status], Double(count))
    }
    text.add(.resourceGeneration, [], Double(resources.generation))
    if let ms = snapshot["generation"]?["age_ms"]?.doubleValue { text.add(.resourceAge, [], ms / 1000) }
    if let bytes = resources.memoryHeadroomBytes.value { text.add(.memoryHeadroom, [], Double(bytes)) }
    for level in MemoryPressureLevel.allCases {
      text.add(.memoryLevel, [level.rawValue], level == resources.memoryLevel ? 1 : 0)
    }
    for resource in ["cpu", "memory", "io"] {
      for kind in ["some", "full"] {
        let leaf = snapshot[resource]?["pressure"]?[kind]?["avg10_percent"]
        guard let percent = leaf?["value"]?.doubleValue else { continue }
        text.add(.pressure, [resource, kind], percent / 100)
      }
    }
  }

  /// A leaf is an object with a status of the known ones; nothing else is counted.
  private static func countLeaves(_ json: JSONValue, into statuses: inout [String: Int]) {
    switch json {
    case .array(let elements): for element in elements { countLeaves(element, into: &statuses) }
    case .object(let object):
      if let status = object["status"]?.stringValue, object["age_ms"] != nil, let count = statuses[status] {
        statuses[status] = count + 1
      } else {
        for member in object.members { countLeaves(member.value, into: &statuses) }
      }
    default: return
    }
  }
}
