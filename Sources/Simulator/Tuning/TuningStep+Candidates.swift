import Policy
import SchedulerCore
import WireProtocol

/// What each step tries, and when it has nothing to try.
extension TuningStep {
  /// KV that was never fuller than this is not short.
  static let kvFullRatio = 0.9
  /// Static budgets that are tried, in tokens of one iteration.
  static let stepTokens = [512, 1_024, 2_048, 4_096]
  static let restPlans = 100
  static let preemptionsPerSecond = 2
  static let fixedDrafts = [1, 2, 4]
  static let watermarkRatios = [0.0, 0.01, 0.02, 0.05, 0.1]
  static let headroomRatios = [0.05, 0.1, 0.2]
  static let slackTokens = [2_048, 8_192]
  static let quantumTokens = 2_048

  /// Why the step does not apply, in one line; nil where it does.
  func obstacle(in situation: TuningSituation) -> String? {
    switch self {
    case .batchStrategy: nil
    case .sloClasses:
      situation.takesTenants
        ? "the order is one between tenants (\(situation.config.ordering.rawValue)); classes do not order it" : nil
    case .preemption: situation.figures.preemptions > 0 ? nil : "nobody was preempted"
    case .disaggregation: Self.divisionObstacle(situation)
    case .speculation: situation.options.speculation == nil ? "the engine has no drafter" : nil
    case .kvPaging:
      situation.figures.preemptions > 0 || situation.figures.kvOccupancyMax >= Self.kvFullRatio
        ? nil
        : "KV was never fuller than \(TableText.percent(.number(situation.figures.kvOccupancyMax))), "
          + "short begins at \(TableText.percent(.number(Self.kvFullRatio)))"
    case .fairness: situation.tenants > 1 ? nil : "all requests are one tenant's"
    }
  }

  private static func divisionObstacle(_ situation: TuningSituation) -> String? {
    if situation.instances > 1 {
      return situation.roles == nil ? "the instances are not alike, or the cluster file says their roles" : nil
    }
    let two = situation.divisionOfTwo
    let mixed = TableText.number(.number(Double(two.mixedPerKiloS) / 1_000))
    let divided = TableText.number(.number(Double(two.dividedPerKiloS) / 1_000))
    let choice = two.prefillEngines > 0 ? "divided" : "mixed"
    return "one instance; forecast for two: \(mixed) requests/s mixed, \(divided) divided: \(choice) "
      + "(threshold \(RolePlanner.marginPercent) %)"
  }

  /// In the order of trial; of equals the first is taken.
  func candidates(in situation: TuningSituation) -> [TuningCandidate] {
    switch self {
    case .sloClasses: Self.orders(situation)
    case .batchStrategy: Self.strategies(situation)
    case .preemption: Self.preemptions(situation)
    case .disaggregation:
      RoleMode.allCases.filter { $0 != situation.roles }.map { TuningCandidate("roles \($0.rawValue)", [:], roles: $0) }
    case .speculation: Self.drafts(situation)
    case .kvPaging: Self.paging()
    case .fairness: Self.caps(situation)
    }
  }

  // MARK: - The seven lists

  private static func orders(_ situation: TuningSituation) -> [TuningCandidate] {
    var candidates: [TuningCandidate] = []
    if situation.unknownClasses.count == situation.mix.entries.count, let classes = classes(of: situation.mix) {
      candidates.append(TuningCandidate("the traffic's classes", classes))
    }
    for ordering in [PolicyConfig.Ordering.priority, .edf, .leastSlack] {
      candidates.append(TuningCandidate(ordering.rawValue, order(ordering)))
    }
    for ordering in [PolicyConfig.Ordering.priority, .edf] {
      var change = order(ordering)
      change["admission"] = ["infeasible": "defer"]
      candidates.append(TuningCandidate("\(ordering.rawValue) with late ones behind", change))
    }
    return candidates
  }

  private static func order(_ ordering: PolicyConfig.Ordering) -> JSONObject {
    ["queue": ["ordering": .string(ordering.rawValue)]]
  }

  /// The traffic's own classes with their limits and weights, the tightest first; nil when they are more than a policy
  /// may list, or have names that it may not.
  private static func classes(of mix: ClassMix) -> JSONObject? {
    let sorted = mix.entries.enumerated().sorted {
      ($0.element.ttftSLOMs, $0.element.tpotSLOMs, $0.offset) < ($1.element.ttftSLOMs, $1.element.tpotSLOMs, $1.offset)
    }.map(\.element)
    guard let last = sorted.last, PolicyLimits.classes.contains(sorted.count) else { return nil }
    let classes = sorted.enumerated().map { rank, entry -> JSONValue in
      [
        "name": .string(entry.name), "rank": JSONValue(rank), "ttft_slo_ms": JSONValue(entry.ttftSLOMs),
        "tpot_slo_ms": JSONValue(entry.tpotSLOMs), "weight": JSONValue(entry.weight),
      ]
    }
    return ["classes": .array(classes), "default_class": .string(last.name)]
  }

  private static func strategies(_ situation: TuningSituation) -> [TuningCandidate] {
    var candidates = [
      TuningCandidate(
        "decode_first by slack",
        ["batch": ["strategy": "decode_first", "budget_from": "slack", "step_tokens": nil]])
    ]
    for tokens in stepTokens where tokens < situation.stepTokens {
      candidates.append(
        TuningCandidate(
          "decode_first of \(tokens) tokens",
          ["batch": ["strategy": "decode_first", "budget_from": "tokens", "step_tokens": JSONValue(tokens)]]))
    }
    candidates.append(
      TuningCandidate(
        "continuous", ["batch": ["strategy": "continuous", "budget_from": "tokens", "step_tokens": nil]]))
    var queue: JSONObject = ["ordering": "goodput"]
    if situation.takesTenants { queue["fairness"] = "vtc" }
    candidates.append(
      TuningCandidate(
        "goodput",
        ["queue": .object(queue), "batch": ["strategy": "goodput", "budget_from": "tokens", "step_tokens": nil]]))
    return candidates
  }

  private static func preemptions(_ situation: TuningSituation) -> [TuningCandidate] {
    let victims: [PolicyConfig.VictimOrder] = [.leastComputed, .lowestPriority, .leastWorth, .cost]
    var candidates = victims.map {
      TuningCandidate("victim \($0.rawValue)", ["preemption": ["victim_order": .string($0.rawValue)]])
    }
    candidates.append(
      TuningCandidate("the tail or what costs least", ["preemption": ["victim_order": "cost", "means": "cost"]]))
    if situation.canSwap {
      candidates.append(TuningCandidate("copied out", ["preemption": ["means": "swap"]]))
    }
    candidates.append(
      TuningCandidate("rest of \(restPlans) plans", ["preemption": ["rest_plans": JSONValue(restPlans)]]))
    candidates.append(
      TuningCandidate(
        "at most \(preemptionsPerSecond) a second",
        ["preemption": ["per_second": JSONValue(preemptionsPerSecond)]]))
    return candidates
  }

  private static func drafts(_ situation: TuningSituation) -> [TuningCandidate] {
    func candidate(_ name: String, _ speculation: JSONValue) -> TuningCandidate {
      TuningCandidate(name, ["speculation": speculation])
    }
    var candidates = [candidate("no drafts", ["mode": "off"]), candidate("goodput", ["mode": "goodput"])]
    let most = situation.options.speculation?.draftsMax ?? 0
    for count in fixedDrafts where count <= most {
      candidates.append(candidate("\(count) fixed", ["mode": "fixed", "draft_tokens": JSONValue(count)]))
    }
    candidates.append(candidate("the engine's own", ["mode": "engine"]))
    return candidates
  }

  private static func paging() -> [TuningCandidate] {
    var candidates = watermarkRatios.map {
      TuningCandidate("watermark \(TableText.percent(.number($0)))", ["memory": ["watermark_ratio": .number($0)]])
    }
    candidates += headroomRatios.map {
      TuningCandidate("headroom \(TableText.percent(.number($0)))", ["admission": ["kv_headroom_ratio": .number($0)]])
    }
    candidates.append(TuningCandidate("prompts reserved", ["admission": ["reserve_prompts": true]]))
    return candidates
  }

  private static func caps(_ situation: TuningSituation) -> [TuningCandidate] {
    guard situation.config.batchStrategy == .goodput, situation.config.ordering == .goodput else {
      return [
        TuningCandidate("weighted_fair", order(.weightedFair)), TuningCandidate("vtc", order(.vtc)),
        TuningCandidate(
          "dlpm of \(quantumTokens) tokens",
          ["queue": ["ordering": "dlpm", "quantum_tokens": JSONValue(quantumTokens)]]),
      ]
    }
    return ([nil] + slackTokens.map { Optional($0) }).map { slack in
      TuningCandidate(
        slack.map { "vtc \($0) tokens ahead" } ?? "vtc a second ahead",
        ["queue": ["fairness": "vtc", "fairness_slack_tokens": slack.map { JSONValue($0) } ?? .null]])
    }
  }
}
