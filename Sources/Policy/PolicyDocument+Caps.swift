import SchedulerCore

/// What the policy is for, and the caps that this implies.
extension PolicyDocument {
  /// The file's own, else the preset's; nil: nobody said.
  public var need: PolicyNeed? {
    if let word = json["need"]?.stringValue { return PolicyNeed(rawValue: word) }
    return json["preset"]?.stringValue.flatMap { PolicyDocument.preset($0)?.need }
  }

  /// One line each, as `warnings` has them, with the cap's name and number.
  var capWarnings: [String] {
    [stepTokensCap, preemptionsCap, swapsCap, tenantsCap].compactMap { $0 }
  }

  private var stepTokensCap: String? {
    let isBoundByTime = config.batchStrategy == .goodput || config.batch.budget == .slack
    guard need == .latency || need == .balanced, !isBoundByTime else { return nil }
    return warning(
      "/batch/step_tokens", .latencyStepTokens, found: config.stepTokens, otherwise: "the engine's limit",
      advice: "long iterations delay every stream in them; set it lower, or budget_from to slack")
  }

  private var preemptionsCap: String? {
    guard need == .throughput, config.batchStrategy != .orca else { return nil }
    return warning(
      "/preemption/per_second", .throughputPreemptionsPerSecond, found: config.preemption.perSecond,
      otherwise: "no limit", advice: "what is preempted is computed twice")
  }

  private var swapsCap: String? {
    let copies =
      switch config.preemption.means {
      case .swap, .cost: true
      case .byStrategy: config.batchStrategy == .ranked
      case .requeue: false
      }
    guard need == .cost, copies else { return nil }
    return warning(
      "/preemption/per_second", .costSwapsPerSecond, found: config.preemption.perSecond, otherwise: "no limit",
      advice: "each copies KV out and back; set it lower, or means to requeue")
  }

  private var tenantsCap: String? {
    let takesTurns =
      config.ordering.takesTurns || config.ordering == .weightedFair
      || config.batchStrategy == .goodput && config.fairness == .vtc
    guard !takesTurns else { return nil }
    if need == .fairness {
      return warning(
        "/queue/ordering", .tenantsWithoutTurns, found: nil, otherwise: "any number",
        advice: "\(config.ordering.rawValue) does not know tenants; take vtc, dlpm or weighted_fair")
    }
    guard [.fcfs, .sjfPredicted, .srpt].contains(config.ordering) else { return nil }
    return warning(
      "/queue/ordering", .tenantsWithoutTurns, found: config.tenants.count, otherwise: "",
      advice: "\(config.ordering.rawValue) does not know tenants: one that sends much takes everything")
  }

  /// - Parameters:
  ///   - found: the number in the policy; nil: it has none, which is beyond every cap.
  ///   - otherwise: what that means.
  private func warning(
    _ pointer: String, _ cap: PolicyCap, found: Int?, otherwise: String, advice: String
  ) -> String? {
    if let found, found <= cap.limit { return nil }
    let words = found.map { "\($0)" } ?? otherwise
    let why = need.map { "need \($0.rawValue), " } ?? ""
    return "\(pointer): \(why)cap \(cap.rawValue) is \(cap.limit), found \(words); \(advice)"
  }
}
