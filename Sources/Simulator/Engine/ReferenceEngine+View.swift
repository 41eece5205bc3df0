import SchedulerCore

/// What this instance looks like to whoever places a request.
extension ReferenceEngine {
  /// Prompt tokens of the chunk whose time tells what a prefill costs here.
  private static let viewChunkTokens = 2_048

  /// - Parameters:
  ///   - work: the request that looks for a place.
  ///   - isHandedOver: its prompt was prefilled elsewhere and its KV comes along.
  func view(for work: WorkloadRequest, isHandedOver: Bool) -> InstanceView {
    var prefillTokens = waitingPromptTokens
    var headArrivalUs = Int64.max
    var headDemandTokens = 0
    for h in queue.liveHandles {
      let request = queue[h]
      if !request.isDecoding { prefillTokens += request.prefillLeft }
      guard !request.isRunning, request.arrivalUs < headArrivalUs else { continue }
      headArrivalUs = request.arrivalUs
      headDemandTokens = request.prefillLeft
    }
    let nsPerToken = prefillNsPerToken
    return InstanceView(
      id: options.serverID, queuedPrefillUs: prefillTokens * nsPerToken / 1000, runningRequests: queue.sums.running,
      kvFreeTokens: queue.cache.freeBlocks * engine.model.kvGroups[0].blockTokens, headDemandTokens: headDemandTokens,
      hitTokens: isHandedOver ? 0 : queue.hitTokens(of: work), prefillNsPerToken: isHandedOver ? 0 : nsPerToken)
  }

  /// By the time of an iteration with a chunk beside the decodes that are here now: a prompt waits for them too.
  private var prefillNsPerToken: Int {
    var features = IterationFeatures()
    let chunk = min(engine.limits.stepTokens, Self.viewChunkTokens)
    features.addPrefill(tokens: chunk, prefix: 0)
    let running = queue.sums.running
    for _ in 0..<running { features.addDecode(context: queue.sums.computed / running) }
    return profile.time.elapsedUs(features) * 1000 / chunk
  }
}
