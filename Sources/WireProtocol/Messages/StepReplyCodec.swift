import SchedulerCore

/// The reply to a Step: `{"epoch":7,"seq":1,"plan":{...}}`, no plan for a sync Step.
public enum StepReplyCodec {
  /// Writes the message. Plan members appear only when they have content.
  /// - Parameter isSync: there is no plan, whatever `plan` holds. An optional would be a copy of all its columns.
  public static func encode(
    epoch: UInt64, seq: UInt64, plan: StepPlan, isSync: Bool = false, into writer: inout JSONWriter
  ) {
    writer.beginObject()
    writer.key("epoch")
    writer.integer(epoch)
    writer.key("seq")
    writer.integer(seq)
    if !isSync {
      writer.key("plan")
      encode(plan, into: &writer)
    }
    writer.endObject()
  }

  /// Writes a plan.
  public static func encode(_ plan: StepPlan, into writer: inout JSONWriter) {
    writer.beginObject()
    encodeWork(plan, &writer)
    encodeVerbs(plan, &writer)
    if !plan.victims.isEmpty {
      writer.key("victims")
      writer.column(plan.victims)
    }
    if !plan.order.isEmpty {
      writer.key("order")
      writer.column(plan.order)
    }
    if let tokens = plan.budgetTokens {
      writer.key("budget_tokens")
      writer.integer(tokens)
    }
    if let drafts = plan.draftBatch {
      writer.key("draft_batch")
      writer.integer(drafts)
      if !plan.draftBatchShape.isChain {
        writer.key("draft_batch_levels")
        writer.string(plan.draftBatchShape.digits(drafts: drafts))
      }
    }
    if let holdUs = plan.holdUs {
      writer.key("hold_us")
      writer.integer(holdUs)
    }
    encodeNews(plan, &writer)
    writer.endObject()
  }

  private static func encodeWork(_ plan: StepPlan, _ writer: inout JSONWriter) {
    if plan.decodesAll {
      writer.key("decode")
      writer.string("all")
    }
    let first = plan.decodesAll ? plan.decodeCount : 0
    guard plan.run.count > first else { return }
    writer.key("run")
    writer.beginObject()
    writer.key("h")
    writer.beginArray()
    var speculates = false
    var hasTrees = false
    for i in first..<plan.run.count {
      writer.integer(plan.run[i].h)
      if plan.run[i].k > 0 { speculates = true }
      if !plan.run[i].shape.isChain { hasTrees = true }
    }
    writer.endArray()
    writer.key("n")
    writer.beginArray()
    for i in first..<plan.run.count { writer.integer(plan.run[i].n) }
    writer.endArray()
    if speculates {
      writer.key("k")
      writer.beginArray()
      for i in first..<plan.run.count { writer.integer(plan.run[i].k) }
      writer.endArray()
    }
    if hasTrees {
      writer.key("levels")
      writer.beginArray()
      for i in first..<plan.run.count { writer.string(plan.run[i].shape.digits(drafts: plan.run[i].k)) }
      writer.endArray()
    }
    writer.endObject()
  }

  private static func encodeVerbs(_ plan: StepPlan, _ writer: inout JSONWriter) {
    if !plan.pause.isEmpty {
      writer.key("pause")
      writer.column(plan.pause)
    }
    if !plan.truncate.isEmpty {
      writer.key("truncate")
      writer.beginObject()
      writer.key("h")
      writer.column(plan.truncate.lazy.map(\.h))
      writer.key("keep_tokens")
      writer.column(plan.truncate.lazy.map(\.keepTokens))
      writer.endObject()
    }
    if !plan.requeue.isEmpty {
      writer.key("requeue")
      writer.column(plan.requeue)
    }
    if !plan.swapCPU.isEmpty {
      writer.key("swap_cpu")
      writer.column(plan.swapCPU)
    }
    if !plan.swapSSD.isEmpty {
      writer.key("swap_ssd")
      writer.column(plan.swapSSD)
    }
    if !plan.abort.isEmpty {
      writer.key("abort")
      writer.beginObject()
      writer.key("h")
      writer.column(plan.abort.lazy.map(\.h))
      writer.key("retry_after_ms")
      writer.column(plan.abort.lazy.map(\.retryAfterMs))
      writer.endObject()
    }
  }

  private static func encodeNews(_ plan: StepPlan, _ writer: inout JSONWriter) {
    if let cache = plan.cache {
      writer.key("cache")
      writer.beginObject()
      writer.key("watermark_blocks")
      writer.column(cache.watermarkBlocks)
      let lists: [(MessageField.Cache, [UInt64])] = [
        (.evict, cache.evict), (.pin, cache.pin), (.unpin, cache.unpin), (.prefetch, cache.prefetch),
      ]
      for (field, keys) in lists where !keys.isEmpty {
        writer.key(field.rawValue)
        writer.keys(keys)
      }
      writer.endObject()
    }
    if let placement = plan.placement {
      writer.key("placement")
      encode(placement, &writer)
    }
    guard !plan.reasons.isEmpty else { return }
    writer.key("reasons")
    writer.beginArray()
    for reason in plan.reasons {
      writer.beginArray()
      writer.integer(reason.h)
      writer.string(reason.reason.code)
      writer.integer(reason.reason.number)
      writer.endArray()
    }
    writer.endArray()
  }

  private static func encode(_ placement: PlacementPlan, _ writer: inout JSONWriter) {
    writer.beginObject()
    writer.key("generation")
    writer.integer(placement.generation)
    if !placement.cpus.isEmpty {
      writer.key("cpus")
      writer.string(IDList(placement.cpus).description)
    }
    if let node = placement.numaNode {
      writer.key("numa_node")
      writer.integer(node)
    }
    if let node = placement.memoryNode {
      writer.key("memory_node")
      writer.integer(node)
    }
    writer.key("reasons")
    writer.beginArray()
    for reason in placement.reasons {
      writer.beginArray()
      writer.string(reason.code)
      writer.integer(reason.number)
      writer.endArray()
    }
    writer.endArray()
    writer.endObject()
  }
}
