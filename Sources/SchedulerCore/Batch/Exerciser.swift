/// Random but valid plans that use every verb an engine declared: exercises engines, clients and the session rules.
/// Deterministic: the numbers come from the epoch and the seq of the Step. Never for serving (policy `exerciser`).
struct Exerciser: Codable, Sendable {
  /// Waiting candidates looked at per Step.
  static let candidatesMax = 16
  /// Steps without an arrival after which plans are made by the ordinary rules, so that a test can drain.
  static let calmAfterSteps = 48

  private let capabilities: Capabilities
  private let drafter: EngineDescription.Drafter?
  private let blockTokens: Int
  private var state: UInt64 = 0
  private var stepsWithoutArrival = 0

  init(engine: EngineDescription) {
    capabilities = engine.capabilities
    drafter = engine.capabilities.isDisjoint(with: [.draftRequest, .draftBatch]) ? nil : engine.drafter
    blockTokens = engine.model.kvGroups.first?.blockTokens ?? 1
  }

  var isCalm: Bool { stepsWithoutArrival > Self.calmAfterSteps }

  mutating func observe(epoch: UInt64, seq: UInt64, arrivals: Int) {
    state = epoch &* 0x9E37_79B9_7F4A_7C15 ^ seq &* 0xD1B5_4A32_D192_ED03
    stepsWithoutArrival = arrivals > 0 ? 0 : stepsWithoutArrival + 1
  }

  /// A verb for a running request, now and then.
  enum Action: Sendable {
    case none
    case leaveOut
    case requeue
    case truncate(keepTokens: Int)
    case swap(toSSD: Bool)
    case abort
  }

  mutating func action(for request: Request) -> Action {
    let roll = below(100)
    let preemptible = request.isRunning && (request.unsettledPlans == 0 || capabilities.contains(.inFlightPreempt))
    switch roll {
    case 0..<3 where preemptible && capabilities.contains(.requeue): return .requeue
    case 3..<6 where preemptible && capabilities.contains(.truncate) && request.computedTokens > blockTokens:
      return .truncate(keepTokens: (1 + below((request.computedTokens - 1) / blockTokens)) * blockTokens)
    case 6..<9 where preemptible && capabilities.contains(.swapCPU): return .swap(toSSD: false)
    case 9..<11 where preemptible && capabilities.contains(.swapSSD): return .swap(toSSD: true)
    case 11..<13 where request.isRunning && capabilities.contains(.abort): return .abort
    case 13..<40 where !request.isRunning || capabilities.contains(.pause): return .leaveOut
    default: return .none
    }
  }

  /// Tokens wanted for a request, its drafts apart.
  mutating func tokens(for request: Request) -> Int {
    let left = request.remainingTokens
    guard left > 1, capabilities.contains(.chunk) else { return left }
    return min(left, [1, 4, 16, 64, left][below(5)])
  }

  /// Drafts for a request, in a tree now and then where the engine verifies trees of any request.
  mutating func drafts(for request: Request) -> (drafts: Int, shape: DraftShape) {
    let room = min(SpeculationLimit.digitsMax, request.maxOutputTokens - request.outputTokens - 1)
    let most = min(drafter?.kMax ?? 0, room)
    guard most > 0, request.isRunning, below(2) == 0 else { return (0, .chain) }
    let levels = 1 + below(most)
    guard let tree = drafter?.tree, capabilities.contains(.draftRequest), below(2) == 0 else { return (levels, .chain) }
    var widths = (1...levels).map { 1 + ($0 <= DraftShape.wideLevelsMax ? below(tree.widthMax) : 0) }
    while let last = widths.last, widths.reduce(0, +) > min(tree.nodesMax, room) {
      if last > 1 { widths[widths.count - 1] -= 1 } else { widths.removeLast() }
    }
    return (widths.reduce(0, +), DraftShape(widths: widths))
  }

  /// 0 ..< bound, by SplitMix64 (Steele, Lea, Flood 2014). `bound` > 0.
  private mutating func below(_ bound: Int) -> Int {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return Int((z ^ (z >> 31)) % UInt64(max(1, bound)))
  }
}
