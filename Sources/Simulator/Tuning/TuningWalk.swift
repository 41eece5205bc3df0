import Policy

/// One walk over the list: the policy so far, what it achieves, and the report that grows.
struct TuningWalk {
  private let tuner: Tuner
  private var bench: TuningBench
  private var draft: PolicyDraft
  private(set) var report: TuningReport

  init(_ tuner: Tuner) throws(PolicyErrors) {
    self.tuner = tuner
    bench = TuningBench(tuner)
    draft = try PolicyDraft(tuner.base, need: tuner.need)
    report = TuningReport(tuner, start: draft.start)
  }

  /// Ends early, with what is known, when it is interrupted.
  mutating func run(_ clock: () -> Int, _ onProgress: (TuningProgress) -> Bool) throws(TuningError) {
    let start = draft.start
    guard
      let before = try bench.figures(
        start, roles: report.roles, on: .tuned, note: tuner.base.config.name, clock, onProgress)
    else { return }
    report.tuned = TuningComparison(before: before, after: before)
    for index in tuner.traffic.mix.entries.indices
    where tuner.traffic.tuned.contains(where: { $0.classIndex == index }) {
      guard let one = try bench.alone(index, start, clock, onProgress) else { return }
      report.classes.append(one)
    }
    var figures = before
    for step in tuner.steps {
      bench.plannedRequests = bench.finishedRequests + requestsLeft(from: step, figures)
      let result = try take(step, figures, clock, onProgress)
      report.steps.append(result)
      guard !result.isInterrupted else { return }
      figures = result.after
      report.tuned?.after = figures
    }
    report.isComplete = try judge(clock, onProgress)
  }

  // MARK: - One step

  /// Tries and chooses; an interrupted step keeps its trials and chooses nothing.
  private mutating func take(
    _ step: TuningStep, _ figures: TuningFigures, _ clock: () -> Int, _ onProgress: (TuningProgress) -> Bool
  ) throws(TuningError) -> TuningResult {
    let situation = situation(figures)
    var result = TuningResult(
      step, obstacle: step.obstacle(in: situation), objective: step.objective(tuner.objective), before: figures)
    guard result.obstacle == nil else { return result }
    var policies: [PolicyDocument] = []
    for candidate in step.candidates(in: situation) {
      guard let policy = candidate.roles == nil ? draft.with(candidate.change) : draft.document else { continue }
      guard let trial = try run(candidate, policy, result, clock, onProgress) else {
        result.isInterrupted = true
        return result
      }
      result.trials.append(trial)
      policies.append(policy)
    }
    result.isInterrupted = !(try stress(&result, policies, clock, onProgress))
    guard !result.isInterrupted else { return result }
    guard let chosen = result.best, let after = result.trials[chosen].figures else { return result }
    result.chosen = chosen
    result.after = after
    result.changes = PolicyDifference.between(draft.document, policies[chosen])
    draft.take(policies[chosen])
    report.roles = result.trials[chosen].candidate.roles ?? report.roles
    do throws(PolicyErrors) { report.proposal = try draft.proposal() } catch { throw .policy(error) }
    return result
  }

  /// One candidate; nil when it was interrupted.
  private mutating func run(
    _ candidate: TuningCandidate, _ policy: PolicyDocument, _ result: TuningResult, _ clock: () -> Int,
    _ onProgress: (TuningProgress) -> Bool
  ) throws(TuningError) -> TuningTrial? {
    let figures: TuningFigures?
    do throws(TuningError) {
      figures = try bench.figures(
        policy, roles: candidate.roles ?? report.roles, on: .tuned,
        note: "\(result.step.title): \(candidate.name)", clock, onProgress)
    } catch {
      return TuningTrial(candidate: candidate, figures: nil, verdict: .failed(error.description))
    }
    guard let figures else { return nil }
    let verdict = TuningRule.judge(figures, over: result.before, for: result.step, objective: result.objective)
    return TuningTrial(candidate: candidate, figures: figures, verdict: verdict)
  }

  /// Lets those that the margin cannot tell apart serve the same requests at a higher rate; false when it was
  /// interrupted.
  private mutating func stress(
    _ result: inout TuningResult, _ policies: [PolicyDocument], _ clock: () -> Int,
    _ onProgress: (TuningProgress) -> Bool
  ) throws(TuningError) -> Bool {
    let equals = result.equals
    guard equals.count > 1 else { return true }
    bench.plannedRequests = bench.plannedRequests.map { $0 + equals.count * tuner.traffic.tuned.count }
    for index in equals {
      let candidate = result.trials[index].candidate
      let figures = try bench.figures(
        policies[index], roles: candidate.roles ?? report.roles, on: .tuned, rateScale: TuningRule.stressRate,
        note: "\(result.step.title), faster: \(candidate.name)", clock, onProgress)
      guard let figures else { return false }
      result.trials[index].stressed = figures
    }
    return true
  }

  private func situation(_ figures: TuningFigures) -> TuningSituation {
    TuningSituation(
      policy: draft.document, figures: figures, roles: report.roles, instances: tuner.cluster.instances.count,
      mix: tuner.traffic.mix, tenants: tuner.traffic.tenants, options: tuner.options,
      stepTokens: tuner.options.stepTokens ?? tuner.cluster.instances[0].profile.stepTokens,
      divisionOfTwo: bench.divisionOfTwo(isPaced: draft.document.config.isPaced))
  }

  /// Still to be simulated, if nothing is chosen on the way.
  private func requestsLeft(from step: TuningStep, _ figures: TuningFigures) -> Int {
    let situation = situation(figures)
    let steps = tuner.steps.drop { $0 != step }.filter { $0.obstacle(in: situation) == nil }
    let candidates = steps.reduce(0) { $0 + $1.candidates(in: situation).count }
    return candidates * tuner.traffic.tuned.count + 2 * tuner.traffic.heldBack.count
  }

  // MARK: - The end

  /// On what was held back; false when it was interrupted.
  private mutating func judge(
    _ clock: () -> Int, _ onProgress: (TuningProgress) -> Bool
  ) throws(TuningError) -> Bool {
    let note = "held back: \(tuner.base.config.name)"
    let roles = tuner.cluster.roleMode
    guard
      let before = try bench.figures(draft.start, roles: roles, on: .heldBack, note: note, clock, onProgress)
    else { return false }
    guard report.steps.contains(where: { $0.chosen != nil }) else {
      report.heldBack = TuningComparison(before: before, after: before)
      report.outcome = .unchanged
      return true
    }
    guard
      let after = try bench.figures(
        report.proposal, roles: report.roles, on: .heldBack, note: "held back: the proposal", clock, onProgress)
    else { return false }
    report.heldBack = TuningComparison(before: before, after: after)
    let hasCaps = report.steps.contains { $0.step == .fairness && $0.chosen != nil }
    report.outcome = TuningRule.judgeHeldBack(after, over: before, objective: tuner.objective, hasCaps: hasCaps)
    return true
  }
}
