/// Slice-level scheduling: a request runs a bounded number of decode iterations and then stands behind those that have
/// waited longer than it. Where the iteration has a place for everybody, nobody is paused.
extension SchedulerCore {
  /// On an engine that cannot leave a running request out no slice ends.
  var sharesBySlices: Bool { policy.batchStrategy == .sliceLevel && preemption.mayPause }

  /// The policy's limit on sequences is one on each iteration, not on who may hold blocks.
  var limitsIterations: Bool { servesByRank || sharesBySlices || (capacity.isOn && preemption.mayPause) }

  /// Requests that one iteration may run.
  var batchLimit: Int { min(engine.limits.sequences, policy.sequences ?? .max) }

  private struct Turn {
    var slot: Int
    var endedUs: Int64
  }

  /// O(running + ended log ended + admitted log waiting).
  mutating func planSlices() {
    var ended: [Turn] = []
    for pass in batch.passes() {
      for slot in mirror.table.running.lazy.map(Int.init) where draft.mark(of: slot) == .open {
        let request = mirror.table.requests[slot]
        if request.isBlocked { continue }
        if let endedUs = slices.endedUs(slot: slot, request, nowUs: mirror.nowUs) {
          if pass == .decodes { ended.append(Turn(slot: slot, endedUs: endedUs)) }
        } else if batch.belongs(request, to: pass) {
          serveRunning(slot, request)
        }
      }
    }
    resumeCut()
    let ids = mirror.table.ids
    ended.sort { $0.endedUs != $1.endedUs ? $0.endedUs < $1.endedUs : ids[$0.slot] < ids[$1.slot] }
    if draft.items.count + ended.count + queue.count <= batchLimit {
      for turn in ended { renew(turn.slot) }
      return admitWaiting()
    }
    takeTurns(ended)
  }

  private mutating func renew(_ slot: Int) {
    guard draft.mark(of: slot) == .open else { return }
    let request = mirror.table.requests[slot]
    slices.begin(slot: slot, request)
    serveRunning(slot, request)
  }

  /// Those whose slice ended and those that wait, whoever has stood there longest first. Who of the waiting is next,
  /// the queue's ordering says.
  private mutating func takeTurns(_ ended: [Turn]) {
    var waiting = beginAdmission()
    var turns = ended[...]
    var skipped = 0
    while true {
      if draft.items.count >= batchLimit { break }
      if let slot = waiting, turns.first.map({ mirror.table.requests[slot].arrivalUs <= $0.endedUs }) ?? true {
        let outcome = tryToAdmit(slot)
        if outcome == .skipped { skipped += 1 }
        let goesOn = outcome != .stopped && skipped < AdmissionController.skipWindow
        waiting = goesOn ? queue.next(mirror.table.ids) : nil
      } else if let turn = turns.popFirst() {
        renew(turn.slot)
      } else {
        return
      }
    }
    if let slot = waiting { bind(slot, .waitingSequences(sequences: draft.items.count)) }
    for turn in turns where draft.mark(of: turn.slot) == .open {
      let handle = mirror.table.requests[turn.slot].handle
      draft.leaveOut(slot: turn.slot, handle: handle, reason: .pausedSlice(iterations: slices.iterations))
    }
  }
}
