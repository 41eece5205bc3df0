import SchedulerCore
import WireProtocol

/// A scheduler that is told the true acceptance of every draft, as none can be: all that arrives is prefilled at once,
/// all that runs decodes, and drafts are the best there are. For engines with one plan in flight whose KV never runs
/// out.
struct OracleLink: SchedulerLink {
  private struct Job {
    var promptTokens: Int
    var luck: UInt64
    var computed = 0
    var output = 0
  }

  var policyName: String { "oracle-\(drafts.rule.rawValue)" }
  private let drafts: OracleDrafts
  /// nil: chains only.
  private let trees: OracleTrees?
  private let truth: HiddenAcceptance
  private let time: IterationTimeModel
  /// By a request's id.
  private let luck: (String) -> UInt64
  private var stepTokens = 0
  /// Ascending by handle.
  private var jobs: [(h: RequestHandle, job: Job)] = []
  /// What the last plan asked for, in its order.
  private var planned: [StepPlan.Item] = []

  init(
    rule: OracleDrafts.Rule, truth: HiddenAcceptance, time: IterationTimeModel, luck: @escaping (String) -> UInt64
  ) {
    self.luck = luck
    let drafts = OracleDrafts(rule: rule, draftStepUs: Double(truth.options.draftUs))
    self.drafts = drafts
    trees = truth.options.tree.map {
      OracleTrees(
        rule: rule, draftStepUs: drafts.draftStepUs, widthMost: $0.widthMax, nodesMost: $0.nodesMax)
    }
    self.truth = truth
    self.time = time
  }

  mutating func register(_ engine: EngineDescription) throws(EngineRunError) -> UInt64 {
    stepTokens = engine.limits.stepTokens
    return 1
  }

  mutating func step(_ delta: StepDelta, into reply: inout StepReply) throws(EngineRunError) {
    guard delta.launched.h.isEmpty, delta.state.h.isEmpty else {
      throw .badReply(seq: delta.seq, reason: "the oracle needs room for all KV")
    }
    settle(delta)
    for h in delta.removed { jobs.removeAll { $0.h == h } }
    for (index, h) in delta.arrived.h.enumerated() {
      jobs.append((h, Job(promptTokens: delta.arrived.prompt[index], luck: luck(delta.arrived.id[index]))))
    }
    jobs.sort { $0.h < $1.h }
    plan()
    reply.removeAll()
    reply.epoch = delta.epoch
    reply.seq = delta.seq
    reply.hasPlan = true
    reply.run = planned
  }

  mutating func finish() { jobs = [] }

  private mutating func settle(_ delta: StepDelta) {
    var digit = 0
    for item in planned {
      var accepted = 0
      if item.k > 0 {
        accepted = Int(delta.settled.accepted[digit])
        digit += 1
      }
      guard let index = jobs.firstIndex(where: { $0.h == item.h }) else { continue }
      jobs[index].job.computed += item.n - item.k + accepted
      let known = jobs[index].job.promptTokens + jobs[index].job.output
      if jobs[index].job.computed >= known { jobs[index].job.output += 1 + accepted }
    }
  }

  private mutating func plan() {
    planned.removeAll(keepingCapacity: true)
    var features = IterationFeatures()
    var budget = stepTokens
    var decoding: [Job] = []
    for (h, job) in jobs where job.output > 0 {
      features.addDecode(context: job.computed)
      budget -= 1
      decoding.append(job)
      planned.append(StepPlan.Item(h: h, n: 1, k: 0))
    }
    for (h, job) in jobs where job.output == 0 && budget > 0 {
      let tokens = min(budget, job.promptTokens - job.computed)
      features.addPrefill(tokens: tokens, prefix: job.computed)
      budget -= tokens
      planned.append(StepPlan.Item(h: h, n: tokens, k: 0))
    }
    for (index, tree) in best(decoding, features).enumerated() where tree.drafts > 0 && tree.drafts <= budget {
      planned[index].n += tree.drafts
      planned[index].k = tree.drafts
      planned[index].shape = tree.shape
      budget -= tree.drafts
    }
  }

  private func best(_ jobs: [Job], _ features: IterationFeatures) -> [OracleTrees.Tree] {
    func elapsedUs(_ count: Int) -> Int {
      var features = features
      features.addDecode(context: 0, tokens: count + 1)
      return time.elapsedUs(features)
    }
    guard let trees else {
      let candidates = jobs.map {
        OracleDrafts.Candidate(gains: truth.gains(request: $0.luck, output: $0.output))
      }
      return drafts.best(candidates, elapsedUs: elapsedUs).map { OracleTrees.Tree(drafts: $0) }
    }
    return trees.best(
      jobs.map { OracleTrees.Candidate(hits: truth.hits(request: $0.luck, output: $0.output)) }, elapsedUs: elapsedUs)
  }
}
