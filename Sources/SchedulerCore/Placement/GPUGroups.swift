/// Chooses GPUs for tensor-parallel groups: the members of a group near to each other, in the machine's order where
/// that makes no difference.
struct GPUGroups {
  /// Positions of GPUs, group by group.
  let groups: [[Int]]
  private let pairs: [[GPUPair?]]

  /// - Parameter candidates: positions of GPUs in the order of preference.
  init(_ topology: MachineTopology, candidates: [Int], count: Int, size: Int) {
    let table = Self.table(topology)
    pairs = table
    var free = candidates
    var groups: [[Int]] = []
    while groups.count * size < count, let first = free.first {
      var members = [first]
      free.removeFirst()
      while members.count < size, groups.count * size + members.count < count, !free.isEmpty {
        let next = Self.nearest(to: members, among: free, table)
        members.append(free.remove(at: next))
      }
      groups.append(members)
    }
    self.groups = groups
  }

  /// The farthest pair within a group; nil for a group of one.
  func worst(_ group: [Int]) -> GPUPair? {
    var worst: GPUPair?
    for (index, a) in group.enumerated() {
      for b in group[(index + 1)...] {
        guard let pair = pairs[a][b] else { continue }
        if worst.map({ $0.isNearer(than: pair) }) ?? true { worst = pair }
      }
    }
    return worst
  }

  private static func table(_ topology: MachineTopology) -> [[GPUPair?]] {
    let count = topology.gpus.count
    var table = [[GPUPair?]](repeating: [GPUPair?](repeating: nil, count: count), count: count)
    var pairs = topology.gpuPairs.makeIterator()
    for a in 0..<count {
      for b in a + 1..<max(count, a + 1) {
        let pair = pairs.next()
        table[a][b] = pair
        table[b][a] = pair
      }
    }
    return table
  }

  /// The candidate whose farthest member is nearest; the first of equals.
  private static func nearest(to members: [Int], among candidates: [Int], _ table: [[GPUPair?]]) -> Int {
    var best = 0
    var bestPair: GPUPair?
    for (index, candidate) in candidates.enumerated() {
      var worst: GPUPair?
      for member in members {
        guard let pair = table[member][candidate] else { continue }
        if worst.map({ $0.isNearer(than: pair) }) ?? true { worst = pair }
      }
      guard let worst else { continue }
      if bestPair.map({ worst.isNearer(than: $0) }) ?? true {
        best = index
        bestPair = worst
      }
    }
    return best
  }
}
