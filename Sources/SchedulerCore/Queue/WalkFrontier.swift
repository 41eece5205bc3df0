/// The places that a walk in order over heaps has reached and not visited, the next one first: a small heap itself. Its
/// keys lie inside, since a walk of k places compares some k log k times.
struct WalkFrontier: Codable, Sendable {
  struct Node: Codable, Sendable {
    var key: SlotHeap.Key
    var slot: Int32
    /// Whose heap it is a place in.
    var tenant: Int32
    var place: Int32
    /// It is a tenant's place in the heap of tenants, and stands for the first of the tenant's own.
    var isHead = false
  }

  private var nodes: ContiguousArray<Node> = []
  /// The first node was taken, and nothing came in its place yet: as a rule what comes next belongs near by.
  private var isFirstTaken = false

  mutating func removeAll() {
    nodes.removeAll(keepingCapacity: true)
    isFirstTaken = false
  }

  mutating func popFirst(_ ids: ContiguousArray<String>) -> Node? {
    if isFirstTaken {
      let last = nodes.removeLast()
      if !nodes.isEmpty { siftDown(last, ids) }
    }
    isFirstTaken = !nodes.isEmpty
    return nodes.first
  }

  mutating func push(_ node: Node, _ ids: ContiguousArray<String>) {
    guard !isFirstTaken else {
      isFirstTaken = false
      return siftDown(node, ids)
    }
    nodes.append(node)
    var nodes = nodes.mutableSpan
    var hole = nodes.count - 1
    while hole > 0 {
      let parent = (hole - 1) / 2
      guard Self.precedes(node, nodes[parent], ids) else { break }
      nodes[hole] = nodes[parent]
      hole = parent
    }
    nodes[hole] = node
  }

  /// Puts a node in the place of the first.
  private mutating func siftDown(_ node: Node, _ ids: ContiguousArray<String>) {
    var nodes = nodes.mutableSpan
    var hole = 0
    while true {
      var child = 2 * hole + 1
      guard child < nodes.count else { break }
      if child + 1 < nodes.count, Self.precedes(nodes[child + 1], nodes[child], ids) { child += 1 }
      guard Self.precedes(nodes[child], node, ids) else { break }
      nodes[hole] = nodes[child]
      hole = child
    }
    nodes[hole] = node
  }

  @inline(__always)
  private static func precedes(_ a: Node, _ b: Node, _ ids: ContiguousArray<String>) -> Bool {
    if a.key.first != b.key.first { return a.key.first < b.key.first }
    if a.key.second != b.key.second { return a.key.second < b.key.second }
    if a.key.third != b.key.third { return a.key.third < b.key.third }
    return ids[Int(a.slot)] < ids[Int(b.slot)]
  }
}
