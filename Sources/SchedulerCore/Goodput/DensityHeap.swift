/// Candidates that may have to give way, the least dense first, ties by index: a binary heap with its keys inside.
struct DensityHeap: Codable, Sendable {
  private struct Node: Codable, Sendable {
    var density: Double
    var index: Int32

    @inline(__always)
    func precedes(_ other: Node) -> Bool {
      density == other.density ? index < other.index : density < other.density
    }
  }

  private var nodes: ContiguousArray<Node> = []

  mutating func removeAll() { nodes.removeAll(keepingCapacity: true) }

  mutating func insert(_ index: Int, density: Double) {
    let node = Node(density: density, index: Int32(index))
    nodes.append(node)
    var nodes = nodes.mutableSpan
    var hole = nodes.count - 1
    while hole > 0 {
      let parent = (hole - 1) / 2
      guard node.precedes(nodes[parent]) else { break }
      nodes[hole] = nodes[parent]
      hole = parent
    }
    nodes[hole] = node
  }

  /// Index of the least dense; nil when there is none.
  mutating func popFirst() -> Int? {
    guard let first = nodes.first else { return nil }
    let last = nodes.removeLast()
    if !nodes.isEmpty { siftDown(last) }
    return Int(first.index)
  }

  /// Puts a node in the place of the first.
  private mutating func siftDown(_ node: Node) {
    var nodes = nodes.mutableSpan
    var hole = 0
    while true {
      var child = 2 * hole + 1
      guard child < nodes.count else { break }
      if child + 1 < nodes.count, nodes[child + 1].precedes(nodes[child]) { child += 1 }
      guard nodes[child].precedes(node) else { break }
      nodes[hole] = nodes[child]
      hole = child
    }
    nodes[hole] = node
  }
}
