/// Orca's memory rule (Yu et al., OSDI 2022, algorithm 1): a request is admitted only when KV blocks for its prompt and
/// its longest output are free of everybody else's reservation. Nobody ever has to be preempted for blocks; most of
/// what is reserved is never used, unless output lengths are known.
struct OrcaReservation: Codable, Sendable {
  private let geometry: KVGeometry
  /// Longest request that the engine takes, in tokens; 0 for no limit.
  private let lengthLimit: Int
  /// Blocks per pool that the running requests have reserved.
  private var reserved: ContiguousArray<Int>

  init(engine: EngineDescription) {
    geometry = KVGeometry(engine.model)
    lengthLimit = engine.limits.length
    reserved = ContiguousArray(repeating: 0, count: engine.model.pools.count)
  }

  /// Starts an iteration with what the running requests hold. O(running).
  mutating func open(_ table: RequestTable) {
    for pool in reserved.indices { reserved[pool] = 0 }
    for slot in table.running { take(table.requests[Int(slot)]) }
  }

  /// Blocks short, summed over pools, for a request that waits; 0 when it may be admitted.
  func missingBlocks(for request: Request) -> Int {
    var need = reserved
    geometry.addGrowth(from: 0, to: longest(request), into: &need)
    return zip(need, geometry.poolBlocks).reduce(0) { $0 + max(0, $1.0 - $1.1) }
  }

  mutating func take(_ request: Request) {
    geometry.addGrowth(from: 0, to: longest(request), into: &reserved)
  }

  private func longest(_ request: Request) -> Int {
    let (tokens, overflow) = request.promptTokens.addingReportingOverflow(request.maxOutputTokens)
    let longest = overflow ? .max : tokens
    return lengthLimit > 0 ? min(longest, lengthLimit) : longest
  }
}
