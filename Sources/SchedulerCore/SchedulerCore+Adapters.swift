/// Adapters under mode `goodput` (Docs/memory.md): who needs which is put together here, the stage chooses.
extension SchedulerCore {
  /// The time of loads is no error of the time model: iterations with loads teach only what a load takes.
  mutating func learnLoads(_ observation: IterationObservation) {
    guard observation.draftDepth == 0 else { return }
    let extraUs = Double(observation.elapsedUs) - Double(goodput.time.elapsedUs(observation.features))
    residency.observe(extraUs: extraUs, loads: observation.adapterLoads)
  }

  /// Chooses the adapters of this iteration, and leaves out whoever needs another.
  mutating func chooseAdapters(_ frame: inout GoodputFrame) {
    guard residency.isOn else { return }
    residency.open(nowUs: frame.startUs, servesAll: !preemption.mayPause)
    noteRunning(frame)
    noteWaiting(frame)
    residency.choose(mirror.adapters)
    for adapter in residency.chosen { budget.take(adapter: adapter) }
    noteLoads(&frame)
    guard residency.isShort else { return }
    let requests = mirror.table.requests
    frame.keep { slot in
      let adapter = requests[Int(slot)].adapter
      return adapter < 0 || budget.names(adapter: adapter)
    } leaveOut: { slot in
      draft.leaveOut(
        slot: Int(slot), handle: requests[Int(slot)].handle, reason: .adapterLimit(adapters: budget.adapterCount))
    }
  }

  private func noteLoads(_ frame: inout GoodputFrame) { frame.loadUs = Int(residency.loadUs) * residency.loads }

  private mutating func noteRunning(_ frame: GoodputFrame) {
    for decode in frame.decodes { note(decode.slot, dueUs: decode.dueUs) }
    for prefill in frame.prefills { note(prefill.slot, dueUs: prefill.dueUs - Int64(prefill.restUs)) }
    for decode in frame.hopelessDecodes { noteLate(decode.slot) }
    for prefill in frame.latePrefills { noteLate(prefill.slot) }
  }

  private mutating func note(_ slot: Int32, dueUs: Int64) {
    let dueUs = preemption.mayPause ? dueUs : .min / 2
    residency.note(mirror.table.requests[Int(slot)].adapter, dueUs: dueUs, share: adapterShare(Int(slot)))
  }

  private mutating func noteLate(_ slot: Int32) {
    let request = mirror.table.requests[Int(slot)]
    let sinceUs = request.lastServedUs >= 0 ? request.lastServedUs : request.arrivalUs
    let dueUs = preemption.mayPause ? sinceUs + AdapterResidency.lateUs : .min / 2
    residency.note(request.adapter, dueUs: dueUs, share: 0)
  }

  /// Those that have to start soon, as far as the places last.
  private mutating func noteWaiting(_ frame: GoodputFrame) {
    for prefill in frame.urgent {
      let request = mirror.table.requests[Int(prefill.slot)]
      guard request.adapter >= 0, !request.isRunning,
        residency.hasRoom(request.adapter, share: adapterShare(Int(prefill.slot)))
      else { continue }
      residency.note(request.adapter, dueUs: prefill.dueUs - Int64(prefill.restUs), share: 0)
    }
  }

  /// Share of the iterations that a request must be in to keep its TPOT; 0 for one that is late anyway.
  private func adapterShare(_ slot: Int) -> Double {
    let job = goodput.jobs[slot]
    return job.standing == .hopeless ? 0 : min(1, goodput.tokenUs / Double(max(1, job.tpotUs)))
  }

  /// Whether a waiting request's adapter serves this iteration, or may.
  func mayServeAdapter(_ slot: Int, _ request: Request) -> Bool {
    guard residency.isOn, request.adapter >= 0 else { return true }
    guard residency.hasRoom(request.adapter, share: adapterShare(slot)) else { return false }
    return budget.names(adapter: request.adapter) || residency.mayJoin(request.adapter, mirror.adapters)
  }

  /// A waiting request was admitted.
  mutating func noteAdmission(_ slot: Int, _ request: Request, _ frame: inout GoodputFrame) {
    guard residency.isOn, request.adapter >= 0 else { return }
    residency.begin(
      request.adapter, share: adapterShare(slot), isChosen: budget.names(adapter: request.adapter), mirror.adapters)
    noteLoads(&frame)
  }
}
