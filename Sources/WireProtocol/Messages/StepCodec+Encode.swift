import SchedulerCore

/// What engines send: the reference engine and the benchmarks write Steps with it.
extension StepCodec {
  /// Writes the message; members without content are left out.
  public static func encode(_ delta: StepDelta, into writer: inout JSONWriter) {
    writer.beginObject()
    writer.key("epoch")
    writer.integer(delta.epoch)
    writer.key("seq")
    writer.integer(delta.seq)
    writer.key("now_us")
    writer.integer(delta.nowUs)
    writer.key("kv_free_blocks")
    writer.column(delta.kvFreeBlocks)
    if !delta.kvCachedBlocks.isEmpty {
      writer.key("kv_cached_blocks")
      writer.column(delta.kvCachedBlocks)
    }
    if delta.sync {
      writer.key("sync")
      writer.bool(true)
    }
    if !delta.names.isEmpty {
      writer.key("names")
      writer.strings(delta.names)
    }
    if !delta.arrived.h.isEmpty { encode(delta.arrived, &writer) }
    if delta.launched.seq != 0 || delta.launched.mode != .plan { encode(delta.launched, &writer) }
    if !delta.settled.seq.isEmpty { encode(delta.settled, &writer) }
    if !delta.state.h.isEmpty { encode(delta.state, &writer) }
    encodeEvents(delta, &writer)
    if let check = delta.check {
      writer.key("check")
      writer.column([check.running, check.waiting, check.blocked, check.computed, check.output])
    }
    if let spot = delta.spot {
      writer.key("spot")
      writer.column([Int(spot.h), spot.computed, spot.output, spot.running ? 1 : 0, spot.blocked ? 1 : 0])
    }
    writer.endObject()
  }

  private static func encodeEvents(_ delta: StepDelta, _ writer: inout JSONWriter) {
    if !delta.removed.isEmpty {
      writer.key("removed")
      writer.caused(delta.removed, delta.removedWhy)
    }
    if !delta.blocked.isEmpty {
      writer.key("blocked")
      writer.caused(delta.blocked, delta.blockedWhy)
    }
    if !delta.ready.isEmpty {
      writer.key("ready")
      writer.column(delta.ready)
    }
    if !delta.untrackedTenant.isEmpty {
      writer.key("untracked_tokens")
      writer.beginObject()
      writer.key("tenant")
      writer.column(delta.untrackedTenant)
      writer.key("tokens")
      writer.column(delta.untrackedTokens)
      writer.endObject()
    }
  }

  private static func encode(_ arrived: StepDelta.Arrivals, _ writer: inout JSONWriter) {
    writer.key("arrived")
    writer.beginObject()
    writer.key("h")
    writer.column(arrived.h)
    writer.key("id")
    writer.strings(arrived.id)
    let columns: [(MessageField.Arrival, [Int])] = [
      (.tenant, arrived.tenant), (.requestClass, arrived.requestClass), (.prompt, arrived.prompt),
      (.maxOutput, arrived.maxOutput), (.adapter, arrived.adapter), (.cachedTokens, arrived.cachedTokens),
      (.ttftSLOMs, arrived.ttftSLOMs), (.tpotSLOMs, arrived.tpotSLOMs), (.tierTokens, arrived.tierTokens),
    ]
    for (field, values) in columns where !values.isEmpty {
      writer.key(field.rawValue)
      writer.column(values)
    }
    writer.key("age_us")
    writer.column(arrived.ageUs)
    if !arrived.prefixEnd.isEmpty {
      writer.key("prefix")
      writer.beginArray()
      for index in arrived.prefixEnd.indices { writer.string(PrefixKeyText.text(arrived.keys(of: index))) }
      writer.endArray()
    }
    writer.endObject()
  }

  private static func encode(_ launched: StepDelta.Launched, _ writer: inout JSONWriter) {
    writer.key("launched")
    writer.beginObject()
    writer.key("seq")
    writer.integer(launched.seq)
    if launched.mode != .plan {
      writer.key("mode")
      writer.string(launched.mode.rawValue)
    }
    switch launched.mode {
    case .plan where !launched.h.isEmpty:
      writer.key("x")
      writer.beginObject()
      encodeWork(launched, &writer)
      writer.key("why")
      writer.words(launched.why)
      writer.endObject()
    case .fallback:
      writer.key("iterations")
      writer.integer(launched.iterations)
      encodeWork(launched, &writer)
    case .plan, .none: break
    }
    if launched.hasDrafted {
      writer.key("drafted")
      writer.digits(launched.drafted)
    }
    writer.endObject()
  }

  private static func encodeWork(_ launched: StepDelta.Launched, _ writer: inout JSONWriter) {
    writer.key("h")
    writer.column(launched.h)
    writer.key("n")
    writer.column(launched.n)
  }

  private static func encode(_ settled: StepDelta.Settlements, _ writer: inout JSONWriter) {
    writer.key("settled")
    writer.beginArray()
    var start = 0
    for i in settled.seq.indices {
      writer.beginObject()
      writer.key("seq")
      writer.integer(settled.seq[i])
      writer.key("elapsed_us")
      writer.integer(settled.elapsedUs[i])
      let end = settled.acceptedEnd[i]
      if end > start {
        writer.key("accepted")
        writer.digits(settled.accepted[start..<end])
      }
      start = end
      writer.endObject()
    }
    writer.endArray()
  }

  private static func encode(_ state: StepDelta.State, _ writer: inout JSONWriter) {
    writer.key("state")
    writer.beginObject()
    writer.key("h")
    writer.column(state.h)
    writer.key("computed")
    writer.column(state.computed)
    writer.key("output")
    writer.column(state.output)
    writer.key("running")
    writer.beginArray()
    for running in state.running { writer.integer(running ? 1 : 0) }
    writer.endArray()
    writer.endObject()
  }
}
