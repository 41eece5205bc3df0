/// Every policy primitive of the core. A new case of one of the enumerations does not compile until it is listed here,
/// and tests compare the list with the schema, the tables of Docs/policies.md and the policies that properties are
/// tested with.
public enum PolicyRegistry {
  public static let all: [PolicyPrimitive] = PolicyPrimitive.Member.allCases.flatMap(primitives)

  /// The values of one member, in the order of the schema.
  public static func primitives(_ member: PolicyPrimitive.Member) -> [PolicyPrimitive] {
    switch member {
    case .ordering: PolicyConfig.Ordering.allCases.map(entry)
    case .allocation: PolicyConfig.Allocation.allCases.map(entry)
    case .fairness: PolicyConfig.Fairness.allCases.map(entry)
    case .late: PolicyConfig.Late.allCases.map(entry)
    case .strategy: PolicyConfig.BatchStrategy.allCases.map(entry)
    case .budget: BatchRules.Budget.allCases.map(entry)
    case .victimOrder: PolicyConfig.VictimOrder.allCases.map(entry)
    case .means: PreemptionRules.Means.allCases.map(entry)
    case .eviction: EvictionRule.allCases.map(entry)
    case .speculation: SpeculationConfig.Mode.allCases.map(entry)
    }
  }

  /// What waiting requests cost where only those that changed move in a heap.
  private static let heap = "(A + C) log W"

  public static func entry(_ value: PolicyConfig.Ordering) -> PolicyPrimitive {
    func ordering(
      _ source: String, _ stability: PolicyPrimitive.Stability = .stable, perStep: String = heap
    ) -> PolicyPrimitive {
      PolicyPrimitive(
        member: .ordering, name: value.rawValue, source: source, stability: stability, perStep: perStep)
    }
    return switch value {
    case .fcfs: ordering("vLLM V1, policy fcfs")
    case .priority: ordering("vLLM V1, policy priority")
    case .edf: ordering("Liu and Layland, JACM 1973")
    case .leastSlack: ordering("Mok, 1983")
    case .sjfPredicted: ordering("shortest job first on estimates")
    case .vtc: ordering("VTC, Sheng et al., OSDI 2024", perStep: "R + \(heap)")
    case .dlpm: ordering("DLPM, Cao et al., arXiv 2501.14312", perStep: "R + \(heap), T at a refill")
    case .weightedFair: ordering("SCFQ, Golestani, INFOCOM 1994")
    case .mlfq: ordering("FastServe, arXiv 2305.05920", .baseline, perStep: "R log R + \(heap)")
    case .qoserve: ordering("QoServe (Niyama), arXiv 2503.22562", .baseline, perStep: "R log R + \(heap)")
    case .mooreHodgson:
      ordering("Moore, Management Science 1968", .yardstick, perStep: "(R + W) log (R + W) every 50 ms")
    case .srpt: ordering("Schrage, Operations Research 1968", .yardstick, perStep: "R log R + \(heap)")
    case .goodput: ordering("ours", .experimental, perStep: "R + C log W")
    }
  }

  public static func entry(_ value: PolicyConfig.Allocation) -> PolicyPrimitive {
    PolicyPrimitive(
      member: .allocation, name: value.rawValue, source: value == .shared ? "" : "ours",
      stability: value == .shared ? .stable : .experimental, perStep: value == .shared ? "" : "R + K^2 + (A + C) log W")
  }

  public static func entry(_ value: PolicyConfig.BatchStrategy) -> PolicyPrimitive {
    func strategy(
      _ source: String, _ stability: PolicyPrimitive.Stability = .stable, perStep: String = "R + A log W"
    ) -> PolicyPrimitive {
      PolicyPrimitive(
        member: .strategy, name: value.rawValue, source: source, stability: stability, perStep: perStep)
    }
    return switch value {
    case .continuous: strategy("vLLM V1")
    case .decodeFirst: strategy("Sarathi-Serve, Agrawal et al., OSDI 2024")
    case .decodeMaximal: strategy("SARATHI, Agrawal et al., arXiv 2308.16369")
    case .sliceLevel:
      strategy("SLS, Cheng et al., arXiv 2406.13511", .experimental, perStep: "R log R + A log W")
    case .orca: strategy("Orca, Yu et al., OSDI 2022", .baseline)
    case .goodput: strategy("ours", perStep: "R log R + A log W")
    case .ranked:
      strategy(
        "preemptive scheduling per iteration, as FastServe and QoServe do it", .baseline,
        perStep: "R log R + A log W")
    case .exerciser: strategy("ours", .testsOnly, perStep: "R")
    }
  }

  public static func entry(_ value: BatchRules.Budget) -> PolicyPrimitive {
    let (source, perStep) =
      switch value {
      case .tokens: ("vLLM V1", "")
      case .slack: ("Sarathi-Serve, Agrawal et al., OSDI 2024", "R + A log of the budget")
      }
    return PolicyPrimitive(
      member: .budget, name: value.rawValue, source: source, stability: .stable, perStep: perStep)
  }

  public static func entry(_ value: PolicyConfig.Fairness) -> PolicyPrimitive {
    let (source, perStep) =
      switch value {
      case .none: ("", "")
      case .vtc: ("VTC, Sheng et al., OSDI 2024", "R + C log W")
      }
    return PolicyPrimitive(
      member: .fairness, name: value.rawValue, source: source, stability: .stable, perStep: perStep)
  }

  public static func entry(_ value: PolicyConfig.Late) -> PolicyPrimitive {
    PolicyPrimitive(
      member: .late, name: value.rawValue, source: "ours", stability: value == .last ? .stable : .experimental,
      perStep: value == .last ? "" : "R every 50 ms")
  }

  public static func entry(_ value: PolicyConfig.VictimOrder) -> PolicyPrimitive {
    let (source, perStep) =
      switch value {
      case .lastAdmitted: ("vLLM V1, policy fcfs", "V")
      case .lowestPriority: ("vLLM V1, policy priority", "V R")
      case .leastComputed: ("vllm#54644", "V R")
      case .leastWorth: ("ours", "V R")
      case .cost: ("ours", "V R")
      }
    return PolicyPrimitive(
      member: .victimOrder, name: value.rawValue, source: source, stability: .stable, perStep: perStep)
  }

  public static func entry(_ value: PreemptionRules.Means) -> PolicyPrimitive {
    let source =
      switch value {
      case .byStrategy: "the strategy's source"
      case .requeue: "vLLM V1"
      case .swap: "vLLM, Kwon et al., SOSP 2023"
      case .cost: "ours"
      }
    return PolicyPrimitive(
      member: .means, name: value.rawValue, source: source, stability: .stable,
      perStep: value == .cost ? "V R" : "V")
  }

  public static func entry(_ value: EvictionRule) -> PolicyPrimitive {
    let (source, perStep) =
      switch value {
      case .engine: ("the engine's own rule", "")
      case .lru: ("vLLM V1", "C + E log of the cache")
      case .lfu: ("textbook", "C + E log of the cache")
      case .reuseValue: ("ours, after LHD, NSDI 2018", "C + E log of the cache")
      }
    return PolicyPrimitive(
      member: .eviction, name: value.rawValue, source: source,
      stability: value == .reuseValue ? .experimental : .stable, perStep: perStep)
  }

  public static func entry(_ value: SpeculationConfig.Mode) -> PolicyPrimitive {
    let (source, perStep) =
      switch value {
      case .off: ("", "")
      case .fixed: ("Leviathan et al., ICML 2023", "R")
      case .engine: ("the engine's own length", "R")
      case .goodput: ("ours, after SmartSpec, arXiv 2406.14066, and SpecInfer, arXiv 2305.09781", "R D")
      }
    return PolicyPrimitive(
      member: .speculation, name: value.rawValue, source: source,
      stability: value == .goodput ? .experimental : .stable, perStep: perStep)
  }
}
