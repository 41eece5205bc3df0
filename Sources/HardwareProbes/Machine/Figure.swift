import SchedulerCore
import WireProtocol

/// One leaf of the snapshot as the monitor keeps it: the last good value, how the last look went, and when it was good.
struct Figure: Sendable {
  var value: JSONValue?
  var status: FigureStatus
  /// Clock of the last good value; nil when there never was one.
  var readMs: Int?
  /// A value that is older than this is `stale` even if the last look went well.
  var staleAfterMs: Int

  /// The leaf at `nowMs`. An old value never looks fresh, and what was never read has no value.
  func leaf(nowMs: Int) -> Leaf<JSONValue> {
    let age = readMs.map { max(0, nowMs - $0) }
    var shown = status
    if status == .ok, let age, age > staleAfterMs { shown = .stale }
    let keeps = shown == .ok || shown == .stale || shown == .lost
    let kept = keeps ? value : nil
    return Leaf(
      value: kept, status: Leaf<JSONValue>.Status(rawValue: shown.rawValue) ?? .lost,
      ageMs: kept == nil ? nil : age)
  }

  /// This look, with the last good value of the look before where this one was lost.
  func following(_ previous: Figure?) -> Figure {
    guard status == .lost, value == nil, let previous, let value = previous.value else {
      return self
    }
    return Figure(value: value, status: .lost, readMs: previous.readMs, staleAfterMs: staleAfterMs)
  }
}
