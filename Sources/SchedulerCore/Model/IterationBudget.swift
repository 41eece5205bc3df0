/// What one iteration may still use: tokens, sequences, KV blocks and adapters. All stages draw on this one value.
public struct IterationBudget: Codable, Sendable {
  public private(set) var tokens = 0
  /// Requests that may still be admitted to the running set.
  public private(set) var sequences = 0
  /// Free blocks per pool, what this plan reserved taken off and what it preempts added.
  public private(set) var freeBlocks: ContiguousArray<Int> = []
  /// Blocks per pool that only running requests may use.
  public private(set) var watermarkBlocks: ContiguousArray<Int> = []
  /// Blocks that this plan takes, summed over pools, those that it gives back not taken off.
  public private(set) var takenBlocks = 0
  public private(set) var adapterCount = 0
  /// Adapter -> the iteration that named it last.
  private var adapterMarks: ContiguousArray<UInt64> = []
  private var iteration: UInt64 = 0
  private var adapterLimit = 0
  private var need: ContiguousArray<Int>
  private let geometry: KVGeometry

  public init(geometry: KVGeometry) {
    self.geometry = geometry
    need = ContiguousArray(repeating: 0, count: geometry.poolCount)
  }

  /// Starts an iteration. `freeBlocks` and `watermarkBlocks` have one count per pool.
  public mutating func open(
    tokens: Int, sequences: Int, freeBlocks: ContiguousArray<Int>, watermarkBlocks: ContiguousArray<Int>,
    adapterLimit: Int
  ) {
    self.tokens = tokens
    self.sequences = sequences
    takenBlocks = 0
    // Copied: shared storage would cost the mirror's next Step an allocation.
    self.freeBlocks.removeAll(keepingCapacity: true)
    self.freeBlocks.append(contentsOf: freeBlocks)
    self.watermarkBlocks = watermarkBlocks
    self.adapterLimit = adapterLimit
    adapterCount = 0
    iteration += 1
  }

  /// Blocks short, summed over pools, if a request grew from `computed` to `target`; 0 means that it fits.
  /// - Parameter kept: blocks of each pool that others have to get first.
  public mutating func missingBlocks(
    from computed: Int, to target: Int, keepWatermark: Bool, kept: Int = 0
  ) -> Int {
    guard growth(from: computed, to: target) else { return 0 }
    var missing = 0
    for pool in need.indices {
      let usable = freeBlocks[pool] - (keepWatermark ? watermarkBlocks[pool] : 0) - kept
      if need[pool] > 0 { missing += max(0, need[pool] - usable) }
    }
    return missing
  }

  /// Blocks that growth from `computed` to `target` takes, summed over pools.
  mutating func growthBlocks(from computed: Int, to target: Int) -> Int {
    growth(from: computed, to: target) ? need.reduce(0, +) : 0
  }

  /// Takes the tokens and the blocks for growth from `computed` to `computed + tokens`, whether or not they are there.
  public mutating func take(from computed: Int, tokens count: Int) {
    tokens -= count
    guard growth(from: computed, to: computed + count) else { return }
    takeNeed()
  }

  private mutating func takeNeed() {
    for pool in need.indices {
      freeBlocks[pool] -= need[pool]
      takenBlocks += need[pool]
    }
  }

  /// Takes one token that lands in a block which is there already. False, and nothing taken, when it does not.
  @inline(__always)
  mutating func takeToken(at computed: Int) -> Bool {
    guard tokens > 0, !geometry.grows(from: computed, to: computed + 1) else { return false }
    tokens -= 1
    return true
  }

  /// Takes one token and the blocks for it. False, and nothing taken, when one of them is not there.
  mutating func takeDecode(at computed: Int) -> Bool {
    guard tokens > 0 else { return false }
    if growth(from: computed, to: computed + 1) {
      for pool in need.indices where need[pool] > max(0, freeBlocks[pool]) { return false }
      takeNeed()
    }
    tokens -= 1
    return true
  }

  /// Gives back what `take` took.
  public mutating func refund(from computed: Int, tokens count: Int) {
    tokens += count
    guard growth(from: computed, to: computed + count) else { return }
    for pool in need.indices {
      freeBlocks[pool] += need[pool]
      takenBlocks -= need[pool]
    }
  }

  /// Counts the blocks of a preempted request as free. Returns their number, summed over pools.
  public mutating func release(computed: Int) -> Int { release(from: 0, to: computed) }

  /// Counts the blocks between `kept` and `computed` tokens of a request as free. Returns their number, summed over
  /// pools.
  mutating func release(from kept: Int, to computed: Int) -> Int {
    guard growth(from: kept, to: computed) else { return 0 }
    var released = 0
    for pool in need.indices {
      freeBlocks[pool] += need[pool]
      released += need[pool]
    }
    return released
  }

  /// Takes the blocks of a request that comes back from outside the GPU with `computed` tokens.
  public mutating func hold(computed: Int) {
    guard growth(from: 0, to: computed) else { return }
    takeNeed()
  }

  public mutating func takeSequence() { sequences -= 1 }

  /// A running request was preempted: its place is free.
  public mutating func returnSequence() { sequences += 1 }

  /// Whether a request with this adapter may join the plan (session rule 16).
  public func allows(adapter: Int32) -> Bool {
    adapter < 0 || adapterLimit == 0 || adapterCount < adapterLimit || names(adapter: adapter)
  }

  /// Whether the plan names this adapter already.
  func names(adapter: Int32) -> Bool {
    Int(adapter) < adapterMarks.count && adapterMarks[Int(adapter)] == iteration
  }

  public mutating func take(adapter: Int32) {
    guard adapter >= 0, adapterLimit > 0, !names(adapter: adapter) else { return }
    let more = Int(adapter) + 1 - adapterMarks.count
    if more > 0 { adapterMarks.append(contentsOf: repeatElement(0, count: more)) }
    adapterMarks[Int(adapter)] = iteration
    adapterCount += 1
  }

  /// Fills `need`; false, and `need` is worthless, when no block is needed.
  private mutating func growth(from computed: Int, to target: Int) -> Bool {
    guard geometry.grows(from: computed, to: target) else { return false }
    for pool in need.indices { need[pool] = 0 }
    return geometry.addGrowth(from: computed, to: target, into: &need)
  }
}
