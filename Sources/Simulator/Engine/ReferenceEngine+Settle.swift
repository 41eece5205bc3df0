import SchedulerCore

/// Results: tokens reach their users, drafts turn out right or wrong, requests end.
extension ReferenceEngine {
  mutating func settleOldest() {
    let iteration = unsettled.removeFirst()
    nowUs = max(nowUs, iteration.endUs)
    delta.settled.seq.append(iteration.seq)
    delta.settled.elapsedUs.append(Int64(iteration.elapsedUs))
    settleDrafts(iteration)
    for item in iteration.items where queue[item.h].isLive {
      queue.update(item.h) { $0.inFlight -= 1 }
      if item.samples, item.drafts == 0 { receiveTokens(1, item.h) }
    }
    delta.settled.acceptedEnd.append(delta.settled.accepted.count)
  }

  /// Rejected drafts come off again, before anybody's tokens are counted.
  private mutating func settleDrafts(_ iteration: LaunchedIteration) {
    guard let acceptance, !iteration.drafted.isEmpty else { return }
    for drafted in iteration.drafted {
      let request = queue[drafted.h]
      guard drafted.drafts > 0, request.isLive else {
        delta.settled.accepted.append(0)
        continue
      }
      let accepted = acceptance.accepted(
        drafts: drafted.drafts, shape: drafted.shape, request: request.identity, output: request.knownOutput)
      delta.settled.accepted.append(UInt8(accepted))
      scorecard.addDrafts(drafted.drafts, accepted: accepted)
      let rejected = drafted.drafts - accepted
      queue.setComputed(drafted.h, request.computed - rejected)
      queue.setOutput(drafted.h, request.output - rejected)
      receiveTokens(1 + accepted, drafted.h)
    }
  }

  /// Tokens of one iteration arrive together.
  private mutating func receiveTokens(_ count: Int, _ h: RequestHandle) {
    let nowUs = nowUs
    let request = queue[h]
    let known = min(count, request.wantedOutput - request.knownOutput)
    scorecard.fairness.add(tenant: request.tenant, input: 0, output: known)
    producedTokens += known
    guard request.firstTokenUs >= 0 else {
      queue.update(h) { request in
        request.knownOutput += known
        request.firstTokenUs = nowUs
        request.lastTokenUs = nowUs
        request.wasPreempted = false
      }
      return endOrGoOn(h)
    }
    let gapUs = nowUs - request.lastTokenUs
    scorecard.addGap(us: Int(gapUs), hadPreemption: request.wasPreempted)
    for _ in 1..<max(1, known) { scorecard.addGap(us: 0, hadPreemption: false) }
    let isLate = gapUs > Int64(mix.entries[request.classIndex].tpotSLOMs) * 1000
    queue.update(h) { request in
      request.knownOutput += known
      request.maxGapUs = max(request.maxGapUs, gapUs)
      if isLate { request.lateGaps += 1 }
      request.lastTokenUs = nowUs
      request.wasPreempted = false
    }
    endOrGoOn(h)
  }

  private mutating func endOrGoOn(_ h: RequestHandle) {
    let request = queue[h]
    if request.knownOutput >= request.wantedOutput {
      end(h, .stop)
    } else if role == .prefill, request.knownOutput == 1 {
      handOver(h)
    }
  }

  /// The first token is out: the KV moves on to an instance that decodes.
  private mutating func handOver(_ h: RequestHandle) {
    let request = queue[h]
    var work = WorkloadRequest(
      id: queue.id(of: h), arrivalUs: request.arrivalUs, tenant: queue.tenant(of: h), classIndex: request.classIndex,
      promptTokens: request.promptTokens, outputTokens: request.wantedOutput)
    work.adapter = request.adapter
    work.model = request.model
    outbox.append(
      EngineArrival(
        work, dueUs: nowUs, progress: .init(firstTokenUs: request.firstTokenUs, preemptions: request.preemptions)))
    remove(h, .other)
  }

  mutating func end(_ h: RequestHandle, _ cause: StepDelta.RemovalCause) {
    let request = queue[h]
    let hasTokens = request.firstTokenUs >= 0
    let outcome = RequestOutcome(
      classIndex: request.classIndex, tenant: queue.tenant(of: h), promptTokens: request.promptTokens,
      outputTokens: request.knownOutput, ttftUs: hasTokens ? Int(request.firstTokenUs - request.arrivalUs) : nil,
      tpotUs: hasTokens ? Int(request.lastTokenUs - request.firstTokenUs) / max(1, request.knownOutput - 1) : 0,
      maxGapUs: Int(request.maxGapUs), lateGaps: request.lateGaps, isShed: cause == .shed)
    if request.arrivalUs <= countsArrivalsUntilUs { scorecard.add(outcome) }
    ended.append(
      EndedRequest(
        arrivalUs: request.arrivalUs, outputTokens: request.knownOutput,
        isInTime: scorecard.classes[request.classIndex].isGood(outcome)))
    remove(h, cause)
  }

  private mutating func remove(_ h: RequestHandle, _ cause: StepDelta.RemovalCause) {
    leaveTier(h)
    away[h] = nil
    queue.remove(h, seq: seq + 1)
    delta.removed.append(h)
    delta.removedWhy.append(cause)
  }
}
