import SchedulerCore

/// The reply to a Step as an engine reads it: fields, before anything is looked up in the engine's own queue.
public struct StepReply: Hashable, Sendable {
  /// Requests that one plan may name.
  static let columnMax = 1 << 20

  public var epoch: UInt64 = 0
  public var seq: UInt64 = 0
  public var hasPlan = false
  /// The explicit `run` columns; with `decodesAll` the decode set comes before them.
  public var run: [StepPlan.Item] = []
  public var decodesAll = false
  public var pause: [RequestHandle] = []
  public var truncate: [StepPlan.Truncation] = []
  public var requeue: [RequestHandle] = []
  public var swapCPU: [RequestHandle] = []
  public var swapSSD: [RequestHandle] = []
  public var abort: [StepPlan.Abortion] = []
  public var victims: [RequestHandle] = []
  public var order: [RequestHandle] = []
  public var budgetTokens: Int?
  public var draftBatch: Int?
  public var draftBatchShape = DraftShape.chain
  public var holdUs: Int?
  /// Watermarks per pool; nil when unchanged.
  public var watermarkBlocks: [Int]?
  /// What becomes of named prefixes, as `CachePlan` has it.
  public var evict: [UInt64] = []
  public var pin: [UInt64] = []
  public var unpin: [UInt64] = []
  public var prefetch: [UInt64] = []
  /// The placement plan as sent; nil when unchanged.
  public var placement: JSONValue?
  /// `[h, code, number]` each.
  public var reasons: JSONValue?

  public init() {}

  public mutating func removeAll() {
    epoch = 0
    seq = 0
    hasPlan = false
    run.removeAll(keepingCapacity: true)
    decodesAll = false
    pause.removeAll(keepingCapacity: true)
    truncate.removeAll(keepingCapacity: true)
    requeue.removeAll(keepingCapacity: true)
    swapCPU.removeAll(keepingCapacity: true)
    swapSSD.removeAll(keepingCapacity: true)
    abort.removeAll(keepingCapacity: true)
    victims.removeAll(keepingCapacity: true)
    order.removeAll(keepingCapacity: true)
    budgetTokens = nil
    draftBatch = nil
    draftBatchShape = .chain
    holdUs = nil
    watermarkBlocks = nil
    evict.removeAll(keepingCapacity: true)
    pin.removeAll(keepingCapacity: true)
    unpin.removeAll(keepingCapacity: true)
    prefetch.removeAll(keepingCapacity: true)
    placement = nil
    reasons = nil
  }

  /// Reads the bytes of a message.
  public mutating func decode(_ message: UnsafeRawBufferPointer) throws(JSONError) {
    removeAll()
    var reader = try JSONReader(message)
    try reader.object { (key, reader) throws(JSONError) in
      if key.equals("epoch") {
        epoch = try reader.unsigned()
      } else if key.equals("seq") {
        seq = try reader.unsigned()
      } else if key.equals("plan") {
        hasPlan = true
        try reader.object { (key, reader) throws(JSONError) in try readPlan(key, &reader) }
      } else {
        try reader.skipValue()
      }
    }
    try reader.finish()
  }

  private mutating func readPlan(_ key: JSONKey, _ reader: inout JSONReader) throws(JSONError) {
    if key.equals("run") {
      try readRun(&reader)
    } else if key.equals("decode") {
      guard try reader.word().equals("all") else { throw reader.invalid("expected \"all\"") }
      decodesAll = true
    } else if key.equals("pause") {
      try reader.handles(&pause, max: Self.columnMax)
    } else if key.equals("requeue") {
      try reader.handles(&requeue, max: Self.columnMax)
    } else if key.equals("swap_cpu") {
      try reader.handles(&swapCPU, max: Self.columnMax)
    } else if key.equals("swap_ssd") {
      try reader.handles(&swapSSD, max: Self.columnMax)
    } else if key.equals("truncate") {
      let pairs = try Self.pairs(&reader, "keep_tokens")
      truncate = pairs.map { StepPlan.Truncation(h: $0.0, keepTokens: $0.1) }
    } else if key.equals("abort") {
      let pairs = try Self.pairs(&reader, "retry_after_ms")
      abort = pairs.map { StepPlan.Abortion(h: $0.0, retryAfterMs: $0.1) }
    } else if key.equals("victims") {
      try reader.handles(&victims, max: Self.columnMax)
    } else if key.equals("order") {
      try reader.handles(&order, max: Self.columnMax)
    } else {
      try readSettings(key, &reader)
    }
  }

  private mutating func readSettings(_ key: JSONKey, _ reader: inout JSONReader) throws(JSONError) {
    let counts = 0...StepCodec.countMax
    if key.equals("budget_tokens") {
      budgetTokens = try reader.integer(in: counts)
    } else if key.equals("draft_batch") {
      draftBatch = try reader.integer(in: counts)
    } else if key.equals("draft_batch_levels") {
      draftBatchShape = try Self.shape(try reader.string(), reader).shape
    } else if key.equals("hold_us") {
      holdUs = try reader.integer(in: counts)
    } else if key.equals("cache") {
      try readCache(&reader)
    } else if key.equals("placement") {
      placement = try JSONValue(&reader)
    } else if key.equals("reasons") {
      reasons = try JSONValue(&reader)
    } else {
      try reader.skipValue()
    }
  }

  private mutating func readCache(_ reader: inout JSONReader) throws(JSONError) {
    try reader.object { (key, reader) throws(JSONError) in
      if key.equals("watermark_blocks") {
        var blocks: [Int] = []
        try reader.column(&blocks, in: 0...StepCodec.countMax, max: StepCodec.poolsMax)
        watermarkBlocks = blocks
      } else if key.equals("evict") {
        try reader.keys(&evict, max: CachePlan.keysMax)
      } else if key.equals("pin") {
        try reader.keys(&pin, max: CachePlan.keysMax)
      } else if key.equals("unpin") {
        try reader.keys(&unpin, max: CachePlan.keysMax)
      } else if key.equals("prefetch") {
        try reader.keys(&prefetch, max: CachePlan.keysMax)
      } else {
        try reader.skipValue()
      }
    }
  }

  private mutating func readRun(_ reader: inout JSONReader) throws(JSONError) {
    var h: [RequestHandle] = []
    var n: [Int] = []
    var k: [Int] = []
    var levels: [String] = []
    try reader.object { (key, reader) throws(JSONError) in
      if key.equals("h") {
        try reader.handles(&h, max: Self.columnMax)
      } else if key.equals("n") {
        try reader.column(&n, in: 1...StepCodec.countMax, max: Self.columnMax)
      } else if key.equals("k") {
        try reader.column(&k, in: 0...StepCodec.draftsMax, max: Self.columnMax)
      } else if key.equals("levels") {
        try reader.strings(&levels, max: Self.columnMax, bytesMax: StepCodec.draftsMax)
      } else {
        try reader.skipValue()
      }
    }
    try reader.expect(n.count, h.count, "n")
    try reader.expect(k.count, h.count, "k", optional: true)
    try reader.expect(levels.count, h.count, "levels", optional: true)
    for i in h.indices {
      let drafts = k.isEmpty ? 0 : k[i]
      run.append(StepPlan.Item(h: h[i], n: n[i], k: drafts))
      guard !levels.isEmpty, !levels[i].isEmpty else { continue }
      do throws(JSONError) {
        let tree = try Self.shape(levels[i], reader)
        guard tree.drafts == drafts else {
          throw reader.invalid("\(levels[i]) stands for \(tree.drafts) drafts; expected \(drafts)")
        }
        run[run.count - 1].shape = tree.shape
      } catch { throw error.under("levels") }
    }
  }

  private static func shape(
    _ digits: String, _ reader: JSONReader
  ) throws(JSONError) -> (shape: DraftShape, drafts: Int) {
    guard let tree = DraftShape.read(digits) else {
      throw reader.invalid(
        "expected candidates of each level, 1 to \(DraftShape.widthMax), more than one at the first "
          + "\(DraftShape.wideLevelsMax) only")
    }
    return tree
  }

  private static func pairs(
    _ reader: inout JSONReader, _ column: StaticString
  ) throws(JSONError) -> [(RequestHandle, Int)] {
    var h: [RequestHandle] = []
    var values: [Int] = []
    try reader.object { (key, reader) throws(JSONError) in
      if key.equals("h") {
        try reader.handles(&h, max: columnMax)
      } else if key.equals(column) {
        try reader.column(&values, in: 0...StepCodec.countMax, max: columnMax)
      } else {
        try reader.skipValue()
      }
    }
    try reader.expect(values.count, h.count, column.description)
    return Array(zip(h, values))
  }
}

extension StepReply {
  /// The same fields from a plan made in process.
  public mutating func set(_ plan: StepPlan, epoch: UInt64, seq: UInt64) {
    removeAll()
    self.epoch = epoch
    self.seq = seq
    hasPlan = true
    decodesAll = plan.decodesAll
    run.append(contentsOf: plan.run[(plan.decodesAll ? plan.decodeCount : 0)...])
    pause.append(contentsOf: plan.pause)
    truncate.append(contentsOf: plan.truncate)
    requeue.append(contentsOf: plan.requeue)
    swapCPU.append(contentsOf: plan.swapCPU)
    swapSSD.append(contentsOf: plan.swapSSD)
    abort.append(contentsOf: plan.abort)
    victims.append(contentsOf: plan.victims)
    order.append(contentsOf: plan.order)
    budgetTokens = plan.budgetTokens
    draftBatch = plan.draftBatch
    draftBatchShape = plan.draftBatchShape
    holdUs = plan.holdUs
    watermarkBlocks = plan.cache?.watermarkBlocks
    guard let cache = plan.cache, cache.hasVerbs else { return }
    evict.append(contentsOf: cache.evict)
    pin.append(contentsOf: cache.pin)
    unpin.append(contentsOf: cache.unpin)
    prefetch.append(contentsOf: cache.prefetch)
  }
}
