import NIOCore
import WireProtocol

/// The calls of one connection that are being answered elsewhere, streams included.
struct CallTable {
  /// Tells a call from an earlier one under the same id, whose answer may still be on its way.
  struct Tag: Hashable, Sendable {
    let id: UInt64
    let serial: Int
  }

  private struct Call {
    let serial: Int
    let method: WireMethod
    let task: Task<Void, Never>
    let deadline: Scheduled<Void>?
  }

  private var calls: [UInt64: Call] = [:]
  private var lastSerial = 0
  private let limit: Int

  init(limit: Int) { self.limit = limit }

  var isEmpty: Bool { calls.isEmpty }

  /// - Returns: what to know the new call by.
  /// - Throws: when a call with this id must not start.
  mutating func open(_ id: UInt64) throws(CallError) -> Tag {
    guard calls[id] == nil else {
      throw .invalid(field: "/id", "\(id) is in use by a call that is not answered yet")
    }
    guard calls.count < limit else {
      throw CallError(
        .resourceExhausted, "\(limit) calls of this connection are not answered yet",
        details: ["reason": "TOO_MANY_CALLS", "retry_after_ms": 10])
    }
    lastSerial += 1
    return Tag(id: id, serial: lastSerial)
  }

  mutating func start(_ tag: Tag, _ method: WireMethod, _ task: Task<Void, Never>, deadline: Scheduled<Void>?) {
    calls[tag.id] = Call(serial: tag.serial, method: method, task: task, deadline: deadline)
  }

  func contains(_ tag: Tag) -> Bool { calls[tag.id]?.serial == tag.serial }

  /// The call is answered. False when it was given up before.
  mutating func finish(_ tag: Tag) -> Bool {
    guard contains(tag), let call = calls.removeValue(forKey: tag.id) else { return false }
    call.deadline?.cancel()
    return true
  }

  /// Gives a call up. False when there is none.
  mutating func cancel(_ id: UInt64) -> Bool {
    guard let call = calls.removeValue(forKey: id) else { return false }
    call.deadline?.cancel()
    call.task.cancel()
    return true
  }

  /// Gives up the calls of one method. Returns their ids in ascending order.
  mutating func cancelAll(_ method: WireMethod) -> [UInt64] {
    let ids = calls.filter { $0.value.method == method }.keys.sorted()
    for id in ids { _ = cancel(id) }
    return ids
  }

  mutating func cancelAll() {
    for id in calls.keys.sorted() { _ = cancel(id) }
  }
}
