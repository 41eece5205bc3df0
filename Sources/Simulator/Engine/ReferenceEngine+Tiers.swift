import SchedulerCore

/// KV that leaves the GPU and comes back, and what scripted events do to it. Transfers are not overlapped: the next
/// iteration waits for them.
extension ReferenceEngine {
  private func bytes(_ h: RequestHandle) -> Int { queue[h].computed * profile.kvBytesPerToken }

  /// The verb swap: without room in the tier the request is preempted by recompute instead, and says so.
  mutating func swapOut(_ h: RequestHandle, to residence: EngineRequest.Residence) {
    let bytes = bytes(h)
    guard (residence == .cpu ? cpuTier : ssdTier).fits(bytes) else {
      preempt(h)
      return reportState(h)
    }
    noteAway(h, copiedTo: residence == .cpu ? cpuTier : ssdTier)
    charge(residence, bytesOut: bytes)
    queue.moveAway(h, to: residence)
    queue.setRunning(h, false)
    scorecard.addPreemption(recomputedTokens: 0)
    queue.update(h) { request in
      request.preemptions += 1
      request.wasPreempted = true
    }
  }

  /// Brings a request's KV back; the caller saw that the blocks are there, and grows it at once.
  mutating func swapIn(_ h: RequestHandle) {
    let residence = queue[h].residence
    guard residence != .gpu else { return }
    charge(residence, bytesIn: bytes(h))
    queue.moveBack(h)
  }

  private mutating func charge(_ residence: EngineRequest.Residence, bytesOut: Int = 0, bytesIn: Int = 0) {
    let isCPU = residence == .cpu
    let us = (isCPU ? cpuTier : ssdTier).transferUs(bytesOut + bytesIn)
    if isCPU {
      cpuTier.take(bytesOut - bytesIn)
    } else {
      ssdTier.take(bytesOut - bytesIn)
    }
    scorecard.addOffload(isCPU: isCPU, bytesOut: bytesOut, bytesIn: bytesIn, us: us)
    owedUs += us
  }

  /// A request that ends, or starts anew, leaves nothing behind.
  mutating func leaveTier(_ h: RequestHandle) {
    switch queue[h].residence {
    case .gpu: break
    case .cpu: cpuTier.take(-bytes(h))
    case .ssd: ssdTier.take(-bytes(h))
    }
  }

  // MARK: - Events

  mutating func apply(_ event: ScriptedEvent.Kind) {
    switch event {
    case .memoryPressure(let level): setMemoryLevel(level)
    case .gpuLoss(let downUs): loseGPU(downUs: downUs)
    }
  }

  /// Share of pinned host memory that each level leaves; what no longer fits is dropped, to be computed again.
  private mutating func setMemoryLevel(_ level: MemoryPressureLevel) {
    link.setMemoryLevel(level)
    switch level {
    case .none, .warn: limitHostMemory(toShare: 1)
    case .shrink: limitHostMemory(toShare: 0.5)
    case .close: limitHostMemory(toShare: 0)
    }
    for h in queue.liveHandles.sorted() where cpuTier.isOverfull && queue[h].residence == .cpu {
      scorecard.addRecomputed(queue[h].computed)
      leaveTier(h)
      away[h] = nil
      queue.update(h) { $0.lostTokens = max($0.lostTokens, $0.computed) }
      queue.setComputed(h, 0)
      reportState(h)
    }
  }

  private mutating func limitHostMemory(toShare share: Double) {
    cpuTier.limit(toShare: share)
    queue.changeCache { $0.limitTier(toShare: share) }
  }

  /// Results in flight and all KV on the GPU are lost; running requests go back to waiting, and the instance is down.
  private mutating func loseGPU(downUs: Int64) {
    scorecard.addGPULoss()
    for iteration in unsettled {
      delta.settled.seq.append(iteration.seq)
      delta.settled.elapsedUs.append(max(1, nowUs - iteration.startUs))
      delta.settled.accepted.append(contentsOf: iteration.drafted.map { _ in 0 })
      delta.settled.acceptedEnd.append(delta.settled.accepted.count)
      for item in iteration.items where queue[item.h].isLive { queue.update(item.h) { $0.inFlight -= 1 } }
    }
    unsettled.removeAll()
    for h in queue.liveHandles.sorted() where queue[h].isRunning || queue[h].output != queue[h].knownOutput {
      if queue[h].isRunning { preempt(h) }
      queue.setOutput(h, queue[h].knownOutput)
      reportState(h)
    }
    queue.loseGPU()
    for index in keptBack.indices { keptBack[index].untilUs = 0 }
    away = away.filter { queue[$0.key].residence != .gpu }
    adapters.removeAll()
    owedUs = 0
    suspend(until: nowUs + downUs)
  }
}
