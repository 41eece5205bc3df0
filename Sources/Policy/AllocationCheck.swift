import SchedulerCore

/// Rules about classes and their shares that hold between members (Docs/at-least.md).
struct AllocationCheck {
  static let message = "does not fit the allocation"

  /// The file, or the part of it that is one model's.
  let settings: PolicyReader
  let sink: PolicyErrorSink

  func check(_ config: PolicyConfig) {
    guard config.allocation != .shared else { return }
    checkComposition(config)
    for (i, requestClass) in config.classes.enumerated() where requestClass.reservedPpm == 0 {
      add("classes", "/\(i)/reserved_ratio", "more than 0: every class needs a share to be served at all", found: "0")
    }
    let sum = config.classes.reduce(0) { $0 + $1.reservedPpm }
    guard sum > PolicyConfig.wholePpm else { return }
    add("classes", "", "reserved_ratio of all classes to sum up to at most 1", found: "\(Double(sum) / 1_000_000)")
  }

  private func checkComposition(_ config: PolicyConfig) {
    guard !config.mayShareCapacity else { return }
    if config.ordering.takesTurns {
      let ordering = config.ordering.rawValue
      add("queue", "/allocation", "shared, where tenants take turns over all classes", found: "ordering \(ordering)")
    } else {
      let strategies = PolicyConfig.BatchStrategy.allCases.filter { strategy in
        var other = config
        other.batchStrategy = strategy
        return other.mayShareCapacity
      }
      add(
        "queue", "/allocation", "one of the batch strategies \(strategies.map(\.rawValue).joined(separator: ", "))",
        found: "strategy \(config.batchStrategy.rawValue)")
    }
  }

  private func add(_ member: String, _ rest: String, _ expected: String, found: String) {
    let pointer = settings.pointer(member) + rest
    sink.add(PolicyError(pointer: pointer, message: Self.message, expected: expected, found: found))
  }
}
