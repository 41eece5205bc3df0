import SchedulerCore
import WireProtocol

/// The snapshot document before its ages are known: objects and arrays of figures.
indirect enum SnapshotTree: Sendable {
  struct Member: Sendable {
    var name: String
    var tree: SnapshotTree

    init(_ name: String, _ tree: SnapshotTree) {
      self.name = name
      self.tree = tree
    }
  }

  case leaf(Figure)
  case object([Member])
  case array([SnapshotTree])

  /// The document, every leaf as value, status and age.
  func json(nowMs: Int) -> JSONValue {
    switch self {
    case .leaf(let figure):
      let leaf = figure.leaf(nowMs: nowMs)
      return [
        "value": leaf.value ?? .null, "status": .string(leaf.status.rawValue),
        "age_ms": leaf.ageMs.map { JSONValue($0) } ?? .null,
      ]
    case .object(let members):
      return .object(
        JSONObject(members.map { JSONObject.Member($0.name, $0.tree.json(nowMs: nowMs)) }))
    case .array(let elements): return .array(elements.map { $0.json(nowMs: nowMs) })
    }
  }

  /// This look at the machine over the one before: lost figures keep their last good value. Figures are the same when
  /// they stand at the same place; an array of another length is another machine, and starts anew.
  func following(_ previous: SnapshotTree?) -> SnapshotTree {
    switch (self, previous) {
    case (.leaf(let figure), .leaf(let old)?): .leaf(figure.following(old))
    case (.object(let members), .object(let old)?):
      .object(
        members.enumerated().map { index, member in
          let same = old.indices.contains(index) && old[index].name == member.name
          return Member(member.name, member.tree.following(same ? old[index].tree : nil))
        })
    case (.array(let elements), .array(let old)?) where elements.count == old.count:
      .array(zip(elements, old).map { $0.following($1) })
    default: self
    }
  }
}
