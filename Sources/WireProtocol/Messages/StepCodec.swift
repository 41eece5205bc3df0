import SchedulerCore

/// A Step message to `StepDelta` and back. Decoding goes straight into the delta's columns, which keep their storage: a
/// steady Step allocates nothing.
public struct StepCodec: Sendable {
  /// KV pools of one engine.
  public static let poolsMax = 64
  /// Settlements in one Step; an engine has at most `in_flight_max` of them.
  public static let settledMax = 16
  /// Largest token, block or iteration count: sums over a whole queue stay far from overflow.
  public static let countMax = 1 << 31
  /// Named prefix units of one prompt.
  public static let prefixKeysMax = 256
  /// Drafts of one item: one base-36 digit.
  public static let draftsMax = 35

  let limits: MirrorLimits
  let depth: Int

  public init(limits: MirrorLimits = MirrorLimits(), depth: Int = WireLimits.defaultDepth) {
    self.limits = limits
    self.depth = depth
  }

  /// Entries of a column that names requests.
  var columnMax: Int { limits.running + limits.waiting }

  /// Reads the bytes of a message; `delta` is emptied first.
  /// - Throws: `StepRejection` with the JSON pointer of what is wrong; the session answers RESYNC.
  public func decode(_ message: UnsafeRawBufferPointer, into delta: inout StepDelta) throws(StepRejection) {
    delta.removeAll()
    var seen = Seen()
    do throws(JSONError) {
      var reader = try JSONReader(message, depthLimit: depth)
      try reader.object { (key, reader) throws(JSONError) in try read(key, &reader, &delta, &seen) }
      try reader.finish()
    } catch {
      throw StepRejection(field: error.pointer, reason: "\(error.message) (byte \(error.offset))")
    }
    try seen.verify()
  }

  /// Which of the required members came.
  private struct Seen {
    var epoch = false
    var seq = false
    var nowUs = false
    var kvFreeBlocks = false

    func verify() throws(StepRejection) {
      func require(_ isThere: Bool, _ field: MessageField.Step) throws(StepRejection) {
        if !isThere { throw StepRejection(field: "/\(field.rawValue)", reason: "missing") }
      }
      try require(epoch, .epoch)
      try require(seq, .seq)
      try require(nowUs, .nowUs)
      try require(kvFreeBlocks, .kvFreeBlocks)
    }
  }

  private func read(
    _ key: JSONKey, _ reader: inout JSONReader, _ delta: inout StepDelta, _ seen: inout Seen
  ) throws(JSONError) {
    if key.equals("epoch") {
      delta.epoch = try reader.unsigned()
      seen.epoch = true
    } else if key.equals("seq") {
      delta.seq = try reader.unsigned()
      seen.seq = true
    } else if key.equals("now_us") {
      delta.nowUs = Int64(try reader.integer(in: 0...Self.timeMax))
      seen.nowUs = true
    } else if key.equals("kv_free_blocks") {
      try reader.column(&delta.kvFreeBlocks, in: 0...Self.countMax, max: Self.poolsMax)
      seen.kvFreeBlocks = true
    } else if key.equals("settled") {
      try readSettled(&reader, &delta.settled)
    } else if key.equals("check") {
      delta.check = try readCheck(&reader)
    } else if key.equals("spot") {
      delta.spot = try readSpot(&reader)
    } else {
      try readRare(key, &reader, &delta)
    }
  }

  /// Largest clock value: twice as much still fits 64 bits.
  static let timeMax = 1 << 62

  private func readRare(_ key: JSONKey, _ reader: inout JSONReader, _ delta: inout StepDelta) throws(JSONError) {
    if key.equals("kv_cached_blocks") {
      try reader.column(&delta.kvCachedBlocks, in: 0...Self.countMax, max: Self.poolsMax)
    } else if key.equals("launched") {
      try readLaunched(&reader, &delta.launched)
    } else if key.equals("state") {
      try readState(&reader, &delta.state)
    } else if key.equals("arrived") {
      try readArrivals(&reader, &delta.arrived)
    } else if key.equals("names") {
      try reader.strings(&delta.names, max: limits.names, bytesMax: limits.idBytes)
    } else if key.equals("removed") {
      try reader.caused(&delta.removed, &delta.removedWhy, max: columnMax)
    } else if key.equals("blocked") {
      try reader.caused(&delta.blocked, &delta.blockedWhy, max: columnMax)
    } else if key.equals("ready") {
      try reader.handles(&delta.ready, max: columnMax)
    } else if key.equals("untracked_tokens") {
      try readUntracked(&reader, &delta)
    } else if key.equals("sync") {
      delta.sync = try reader.bool()
    } else {
      try reader.skipValue()
    }
  }
}

// MARK: - Groups

extension StepCodec {
  private func readArrivals(_ reader: inout JSONReader, _ arrived: inout StepDelta.Arrivals) throws(JSONError) {
    let most = limits.arrivedPerStep
    let names = 0...limits.names
    try reader.object { (key, reader) throws(JSONError) in
      if key.equals("h") {
        try reader.handles(&arrived.h, max: most)
      } else if key.equals("id") {
        try reader.strings(&arrived.id, max: most, bytesMax: limits.idBytes)
      } else if key.equals("tenant") {
        try reader.column(&arrived.tenant, in: names, max: most)
      } else if key.equals("class") {
        try reader.column(&arrived.requestClass, in: names, max: most)
      } else if key.equals("prompt") {
        try reader.column(&arrived.prompt, in: 1...Self.countMax, max: most)
      } else if key.equals("max_output") {
        try reader.column(&arrived.maxOutput, in: 0...Self.countMax, max: most)
      } else if key.equals("age_us") {
        try reader.column(&arrived.ageUs, max: most)
      } else if key.equals("adapter") {
        try reader.column(&arrived.adapter, in: -1...limits.names, max: most)
      } else if key.equals("cached_tokens") {
        try reader.column(&arrived.cachedTokens, in: 0...Self.countMax, max: most)
      } else if key.equals("ttft_slo_ms") {
        try reader.column(&arrived.ttftSLOMs, in: 0...Self.countMax, max: most)
      } else if key.equals("tpot_slo_ms") {
        try reader.column(&arrived.tpotSLOMs, in: 0...Self.countMax, max: most)
      } else {
        try readPrefixes(key, &reader, &arrived)
      }
    }
    try expectColumns(reader, arrived)
  }

  private func readPrefixes(
    _ key: JSONKey, _ reader: inout JSONReader, _ arrived: inout StepDelta.Arrivals
  ) throws(JSONError) {
    let most = limits.arrivedPerStep
    if key.equals("prefix") {
      try reader.array { (position, reader) throws(JSONError) in
        guard position < most else { throw reader.tooMany(most) }
        try reader.keyString(&arrived.prefixKeys, max: Self.prefixKeysMax)
        arrived.prefixEnd.append(arrived.prefixKeys.count)
      }
    } else if key.equals("tier_tokens") {
      try reader.column(&arrived.tierTokens, in: 0...Self.countMax, max: most)
    } else {
      try reader.skipValue()
    }
  }

  private func expectColumns(_ reader: JSONReader, _ arrived: StepDelta.Arrivals) throws(JSONError) {
    let count = arrived.h.count
    try reader.expect(arrived.id.count, count, "id")
    try reader.expect(arrived.tenant.count, count, "tenant")
    try reader.expect(arrived.requestClass.count, count, "class")
    try reader.expect(arrived.prompt.count, count, "prompt")
    try reader.expect(arrived.maxOutput.count, count, "max_output")
    try reader.expect(arrived.ageUs.count, count, "age_us")
    try reader.expect(arrived.adapter.count, count, "adapter", optional: true)
    try reader.expect(arrived.cachedTokens.count, count, "cached_tokens", optional: true)
    try reader.expect(arrived.ttftSLOMs.count, count, "ttft_slo_ms", optional: true)
    try reader.expect(arrived.tpotSLOMs.count, count, "tpot_slo_ms", optional: true)
    try reader.expect(arrived.prefixEnd.count, count, "prefix", optional: true)
    try reader.expect(arrived.tierTokens.count, count, "tier_tokens", optional: true)
  }

  private func readLaunched(_ reader: inout JSONReader, _ launched: inout StepDelta.Launched) throws(JSONError) {
    var hasSeq = false
    var hasX = false
    var hasColumns = false
    try reader.object { (key, reader) throws(JSONError) in
      if key.equals("seq") {
        launched.seq = try reader.unsigned()
        hasSeq = true
      } else if key.equals("mode") {
        launched.mode = try reader.choice()
      } else if key.equals("iterations") {
        launched.iterations = try reader.integer(in: 0...Self.countMax)
      } else if key.equals("h") {
        hasColumns = true
        try reader.handles(&launched.h, max: columnMax)
      } else if key.equals("n") {
        hasColumns = true
        try reader.column(&launched.n, in: 0...Self.countMax, max: columnMax)
      } else if key.equals("x") {
        hasX = true
        try readExceptions(&reader, &launched)
      } else if key.equals("drafted") {
        try reader.digits(&launched.drafted, max: columnMax)
        launched.hasDrafted = true
      } else {
        try reader.skipValue()
      }
    }
    guard hasSeq else { throw reader.invalid("missing; expected the seq of the last Step").under("seq") }
    let isPlan = launched.mode == .plan
    guard !hasX || isPlan else { throw reader.invalid("only with mode plan").under("x") }
    guard !hasColumns || launched.mode == .fallback else { throw reader.invalid("only with mode fallback").under("h") }
    guard !launched.hasDrafted || isPlan else { throw reader.invalid("only with mode plan").under("drafted") }
    try reader.expect(launched.n.count, launched.h.count, "n")
  }

  private func readExceptions(_ reader: inout JSONReader, _ launched: inout StepDelta.Launched) throws(JSONError) {
    try reader.object { (key, reader) throws(JSONError) in
      if key.equals("h") {
        try reader.handles(&launched.h, max: columnMax)
      } else if key.equals("n") {
        try reader.column(&launched.n, in: 0...Self.countMax, max: columnMax)
      } else if key.equals("why") {
        try reader.choices(&launched.why, max: columnMax)
      } else {
        try reader.skipValue()
      }
    }
    try reader.expect(launched.n.count, launched.h.count, "n")
    try reader.expect(launched.why.count, launched.h.count, "why")
  }

  private func readSettled(_ reader: inout JSONReader, _ settled: inout StepDelta.Settlements) throws(JSONError) {
    try reader.array { (position, reader) throws(JSONError) in
      guard position < Self.settledMax else { throw reader.invalid("more than \(Self.settledMax) settlements") }
      var seq: UInt64?
      var elapsedUs: Int?
      try reader.object { (key, reader) throws(JSONError) in
        if key.equals("seq") {
          seq = try reader.unsigned()
        } else if key.equals("elapsed_us") {
          elapsedUs = try reader.integer(in: 0...Self.timeMax)
        } else if key.equals("accepted") {
          try reader.digits(&settled.accepted, max: columnMax)
        } else {
          try reader.skipValue()
        }
      }
      guard let seq else { throw reader.invalid("missing").under("seq") }
      guard let elapsedUs else { throw reader.invalid("missing").under("elapsed_us") }
      settled.seq.append(seq)
      settled.elapsedUs.append(Int64(elapsedUs))
      settled.acceptedEnd.append(settled.accepted.count)
    }
  }

  private func readState(_ reader: inout JSONReader, _ state: inout StepDelta.State) throws(JSONError) {
    try reader.object { (key, reader) throws(JSONError) in
      if key.equals("h") {
        try reader.handles(&state.h, max: columnMax)
      } else if key.equals("computed") {
        try reader.column(&state.computed, in: 0...Self.countMax, max: columnMax)
      } else if key.equals("output") {
        try reader.column(&state.output, in: 0...Self.countMax, max: columnMax)
      } else if key.equals("running") {
        try reader.flags(&state.running, max: columnMax)
      } else {
        try reader.skipValue()
      }
    }
    try reader.expect(state.computed.count, state.h.count, "computed")
    try reader.expect(state.output.count, state.h.count, "output")
    try reader.expect(state.running.count, state.h.count, "running")
  }

  private func readUntracked(_ reader: inout JSONReader, _ delta: inout StepDelta) throws(JSONError) {
    try reader.object { (key, reader) throws(JSONError) in
      if key.equals("tenant") {
        try reader.column(&delta.untrackedTenant, in: 0...limits.names, max: limits.names)
      } else if key.equals("tokens") {
        try reader.column(&delta.untrackedTokens, in: 0...Self.countMax, max: limits.names)
      } else {
        try reader.skipValue()
      }
    }
    try reader.expect(delta.untrackedTokens.count, delta.untrackedTenant.count, "tokens")
  }

  private func readCheck(_ reader: inout JSONReader) throws(JSONError) -> StepDelta.Check {
    var values = InlineArray<5, Int>(repeating: 0)
    var count = 0
    try reader.array { (position, reader) throws(JSONError) in
      guard position < 5 else { throw reader.invalid("expected five integers") }
      values[position] = try reader.integer()
      count = position + 1
    }
    guard count == 5 else { throw reader.invalid("expected five integers") }
    return StepDelta.Check(
      running: values[0], waiting: values[1], blocked: values[2], computed: values[3], output: values[4])
  }

  private func readSpot(_ reader: inout JSONReader) throws(JSONError) -> StepDelta.Spot {
    var values = InlineArray<5, Int>(repeating: 0)
    var count = 0
    try reader.array { (position, reader) throws(JSONError) in
      guard position < 5 else { throw reader.invalid("expected five integers") }
      let most = position == 0 ? Int(UInt32.max) : position < 3 ? Self.countMax : 1
      values[position] = try reader.integer(in: 0...most)
      count = position + 1
    }
    guard count == 5 else { throw reader.invalid("expected five integers") }
    return StepDelta.Spot(
      h: RequestHandle(values[0]), computed: values[1], output: values[2], running: values[3] == 1,
      blocked: values[4] == 1)
  }
}
