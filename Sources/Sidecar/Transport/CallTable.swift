import WireProtocol

/// The calls of one connection that are being answered.
struct CallTable {
  private var tasks: [UInt64: Task<Void, Never>] = [:]
  private let limit: Int

  init(limit: Int) { self.limit = limit }

  mutating func add(_ id: UInt64, _ task: Task<Void, Never>) throws(CallError) {
    guard tasks[id] == nil else {
      throw .invalid(field: "/id", "\(id) is in use by a call that is not answered yet")
    }
    guard tasks.count < limit else {
      throw CallError(
        .resourceExhausted, "\(limit) calls of this connection are not answered yet",
        details: ["reason": "TOO_MANY_CALLS", "retry_after_ms": 10])
    }
    tasks[id] = task
  }

  func contains(_ id: UInt64) -> Bool { tasks[id] != nil }

  /// False when there is no such call.
  mutating func remove(_ id: UInt64) -> Bool { tasks.removeValue(forKey: id) != nil }

  mutating func cancel(_ id: UInt64) -> Bool {
    guard let task = tasks.removeValue(forKey: id) else { return false }
    task.cancel()
    return true
  }

  mutating func cancelAll() {
    for task in tasks.values { task.cancel() }
    tasks.removeAll()
  }
}
