/// Divides cores among workers: nobody shares, everybody gets the same where they compete, and a share is a run of
/// neighbouring cores where the candidates are the same.
struct CoreShares {
  /// Positions of cores for each worker, ascending; empty where there were fewer cores than workers.
  let shares: [[Int]]

  /// - Parameter candidates: positions of the cores that each worker may have.
  init(_ candidates: [[Int]], coreCount: Int) {
    var taken = [Bool](repeating: false, count: coreCount)
    var quotas = Self.quotas(candidates, coreCount: coreCount)
    var shares = [[Int]](repeating: [], count: candidates.count)
    // Those with the fewest candidates choose first, so that the others do not take what only they can have.
    let order = candidates.indices.sorted { (candidates[$0].count, $0) < (candidates[$1].count, $1) }
    for worker in order {
      for core in candidates[worker] where quotas[worker] > 0 && !taken[core] {
        taken[core] = true
        shares[worker].append(core)
        quotas[worker] -= 1
      }
    }
    self.shares = shares.map { $0.sorted() }
  }

  /// How many cores each gets: in rounds, each takes one that the fewest others want.
  private static func quotas(_ candidates: [[Int]], coreCount: Int) -> [Int] {
    var wanted = [Int](repeating: 0, count: coreCount)
    for cores in candidates { for core in cores { wanted[core] += 1 } }
    var left = candidates.map { cores in cores.sorted { (wanted[$1], $1) < (wanted[$0], $0) } }
    var taken = [Bool](repeating: false, count: coreCount)
    var quotas = [Int](repeating: 0, count: candidates.count)
    var isMoving = true
    while isMoving {
      isMoving = false
      for worker in candidates.indices {
        while let core = left[worker].last, taken[core] { left[worker].removeLast() }
        guard let core = left[worker].popLast() else { continue }
        taken[core] = true
        quotas[worker] += 1
        isMoving = true
      }
    }
    // Equal candidates, equal shares: what is left over after even division stays with the system.
    for worker in candidates.indices {
      let peers = candidates.indices.filter { candidates[$0] == candidates[worker] }
      guard let least = peers.map({ quotas[$0] }).min(), least > 0 else { continue }
      for peer in peers { quotas[peer] = least }
    }
    return quotas
  }
}
