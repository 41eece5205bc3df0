/// How long the next iterations may take.
///
/// As a rule an iteration ends before the tightest request's next token is due: the gap rule. Where urgent prefills
/// would miss their first token that way, longer iterations are weighed against it: they leave more of the time for
/// prefill, and cost the running requests some of the time that they are ahead of their TPOT by. The choice with the
/// largest expected value of requests in time wins; ties go to the shortest.
struct IterationChoice: Codable, Sendable {
  /// Iteration times that are weighed, in microseconds.
  static let longerUs: [Double] = [27_500, 30_000, 32_500, 35_000, 40_000, 50_000, 70_000, 100_000]
  /// Without anybody to wait for, an iteration takes no longer than this, or than so many times its fixed cost: half
  /// of it, which late requests get, has to be worth that cost.
  static let mostUs: Int64 = 100_000
  static let fixedTimes = 4.0
  /// A request that is behind catches up by this share of its TPOT with each token.
  static let catchUpShare = 0.3
  /// One token that comes late after its predecessor costs this share of the request's value, even if the mean holds.
  static let lateTokenCost = 0.002
  /// Requests that are ahead by this much can sit the next iterations out, in microseconds.
  static let amplyAheadUs = 500_000.0
  /// Of the prefills in time, those due later than this say nothing about how long long iterations last.
  static let horizonMostUs = 2_000_000.0

  /// The time that an iteration costs whatever it computes, in microseconds.
  var fixedUs: Double

  /// Sets the frame's iteration time, and who of `urgent` is served first.
  func decide(_ frame: inout GoodputFrame) {
    guard !frame.urgent.isEmpty else { return }
    frame.urgent.sort { ($0.dueUs, $0.slot) < ($1.dueUs, $1.slot) }
    let gapUs = Double(frame.tauUs)
    var best = value(frame, tauUs: gapUs, spendsBank: false)
    if best.missed > 0 {
      var tauUs = gapUs
      var spends = false
      consider(gapUs, frame, &best, &tauUs, &spends)
      for candidate in Self.longerUs where candidate > gapUs { consider(candidate, frame, &best, &tauUs, &spends) }
      frame.tauUs = Int64(tauUs)
      frame.spendsBank = spends
    }
    keep(&frame)
  }

  private func consider(
    _ candidateUs: Double, _ frame: GoodputFrame, _ best: inout (value: Double, missed: Int), _ tauUs: inout Double,
    _ spends: inout Bool
  ) {
    let outcome = value(frame, tauUs: candidateUs, spendsBank: true)
    guard outcome.value > best.value else { return }
    best = outcome
    tauUs = candidateUs
    spends = true
  }

  /// Share of an iteration that prefill can have.
  private func prefillShare(_ frame: GoodputFrame, _ tauUs: Double, _ spendsBank: Bool) -> Double {
    var decodeUs = 0.0
    let decodes = frame.decodes.span
    for index in decodes.indices {
      if spendsBank, Double(decodes[index].dueUs - frame.startUs) > Self.amplyAheadUs { continue }
      decodeUs += decodes[index].costUs * min(1, tauUs / decodes[index].tpotUs)
    }
    return max(0.02, 1 - (fixedUs + decodeUs) / tauUs)
  }

  /// Expected value of the urgent prefills that make it, less what the running requests lose.
  private func value(_ frame: GoodputFrame, tauUs: Double, spendsBank: Bool) -> (value: Double, missed: Int) {
    let share = prefillShare(frame, tauUs, spendsBank)
    var result = (value: 0.0, missed: 0)
    var sumUs = 0.0
    var horizonUs = 0.0
    for prefill in frame.urgent {
      let neededUs = (sumUs + prefill.restUs) / share + tauUs / 2
      let leftUs = Double(prefill.dueUs - frame.startUs)
      guard neededUs <= leftUs else {
        result.missed += 1
        continue
      }
      sumUs += prefill.restUs
      result.value += prefill.weight
      if leftUs < Self.horizonMostUs { horizonUs = max(horizonUs, neededUs) }
    }
    let iterations = horizonUs / tauUs
    let decodes = frame.decodes.span
    for index in decodes.indices {
      let (weight, tpotUs) = (decodes[index].weight, decodes[index].tpotUs)
      if spendsBank { result.value -= Self.lateTokenCost * weight * iterations }
      let behindUs = horizonUs - iterations * tpotUs - Double(decodes[index].dueUs - frame.startUs)
      guard behindUs > 0 else { continue }
      let tokens = behindUs / (tpotUs * Self.catchUpShare)
      result.value -= weight * min(1, tokens / decodes[index].restTokens)
    }
    return result
  }

  private func keep(_ frame: inout GoodputFrame) {
    let tauUs = Double(frame.tauUs)
    let share = prefillShare(frame, tauUs, frame.spendsBank)
    var sumUs = 0.0
    for prefill in frame.urgent {
      guard (sumUs + prefill.restUs) / share + tauUs / 2 <= Double(prefill.dueUs - frame.startUs) else { continue }
      sumUs += prefill.restUs
      frame.kept.append(prefill.slot)
    }
  }
}
