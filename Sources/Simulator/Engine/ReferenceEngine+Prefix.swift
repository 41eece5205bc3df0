import SchedulerCore
import WireProtocol

/// Prefixes by name: what the engine tells of its cache, and how it carries out a plan's verbs.
extension ReferenceEngine {
  /// The columns of an arrival.
  mutating func namePrefix(_ h: RequestHandle, hitTokens: Int) {
    guard engine.takesPrefixVerbs else { return }
    delta.arrived.prefixKeys.append(contentsOf: queue.unitKeys(h, most: StepCodec.prefixKeysMax))
    delta.arrived.prefixEnd.append(delta.arrived.prefixKeys.count)
    delta.arrived.tierTokens.append(queue.tierTokens(h, afterHit: hitTokens))
  }

  /// Before the plan's work: what goes, what stays, and what comes back with the blocks that the work leaves.
  mutating func applyCachePlan() {
    guard engine.takesPrefixVerbs else { return }
    let (reply, nowUs) = (reply, nowUs)
    let reserve = reply.prefetch.isEmpty ? 0 : neededBlocks
    queue.changeCache { cache in
      for key in reply.evict { cache.evict(unit: key) }
      for key in reply.unpin { cache.unpin(unit: key) }
      for key in reply.pin { cache.pin(unit: key) }
      if !reply.prefetch.isEmpty { cache.fetch(units: reply.prefetch, reserve: reserve, nowUs: nowUs) }
    }
  }

  /// Blocks that the plan's work takes at most.
  private var neededBlocks: Int {
    let blockTokens = engine.model.kvGroups[0].blockTokens
    return work.reduce(0) { sum, item in
      let request = queue[item.h]
      let blocks = (request.computed + item.n + blockTokens - 1) / blockTokens
      return sum + max(0, blocks - request.sharedBlocks - request.privateBlocks)
    }
  }

  /// The rest of its prefix is on its way: it waits for that, and says so (session rule 15).
  mutating func keepBack(_ item: StepPlan.Item, untilUs: Int64) {
    delta.launched.h.append(item.h)
    delta.launched.n.append(0)
    delta.launched.why.append(.remoteKV)
    reportState(item.h)
    guard !queue[item.h].isBlocked else { return }
    queue.setBlocked(item.h, true)
    keptBack.append(KeptBack(h: item.h, untilUs: untilUs))
  }

  /// Net state: who is blocked since the last Step, and who is ready again.
  mutating func reportKeptBack() {
    keptBack.removeAll { !queue[$0.h].isLive || !queue[$0.h].isBlocked }
    for index in keptBack.indices {
      let entry = keptBack[index]
      if entry.untilUs <= nowUs {
        queue.setBlocked(entry.h, false)
        if entry.isTold { delta.ready.append(entry.h) }
      } else if !entry.isTold {
        delta.blocked.append(entry.h)
        delta.blockedWhy.append(.remoteKV)
        keptBack[index].isTold = true
      }
    }
    keptBack.removeAll { $0.untilUs <= nowUs }
  }
}
