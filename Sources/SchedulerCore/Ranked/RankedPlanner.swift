/// What the ranked strategy knows about requests beside the mirror: ranks that time changes, and how long an iteration
/// may take. Everybody, running or waiting, has one key; the strategy serves in its order.
struct RankedPlanner: Codable, Sendable {
  /// Whether a request counts on being served in time.
  enum Standing: UInt8, Codable, Sendable {
    case live
    /// Given up so that others are in time.
    case relegated
    /// Its deadline cannot be met any more.
    case hopeless
  }

  /// Weight of the prefill still to do against the deadline in QoServe's key: between EDF (0) and shortest remaining
  /// first (large).
  static let hybridWeight = 4.0
  /// An iteration stays this much below its limit, as a share: predictions are not exact.
  static let margin = 0.02
  /// However late a decode is, an iteration may take this share of its TPOT: else one late request would keep everybody
  /// from prefilling.
  static let floorShare = 0.8
  /// Longest iteration while nobody decodes, or nobody minds: whoever comes meanwhile waits for its end.
  static let longestUs: Int64 = 100_000
  /// Pause between two selections by Moore-Hodgson.
  static let selectionEveryUs: Int64 = 50_000

  private let maySwap: Bool
  let ordering: PolicyConfig.Ordering
  let anchor: PolicyConfig.DeadlineAnchor
  var levels = FeedbackLevels()
  /// Slot -> standing; live when not in it.
  private var standings: ContiguousArray<Standing> = []
  /// Waiting slots by the last moment at which they can start and be in time.
  private var expiry = SlotHeap()
  private var selectedUs: Int64 = .min
  /// When the iterations in flight are expected to end.
  var busyUntilUs: Int64 = .min
  /// What the iteration in the making computes, and how long it may take.
  var features = IterationFeatures()
  var limitUs: Int64 = 0
  /// Running requests in the order of their keys.
  var order: ContiguousArray<Ranked> = []

  struct Ranked: Codable, Sendable {
    var slot: Int32
    var key: SlotHeap.Key
  }

  /// - Parameter maySwap: preempted requests keep what they computed.
  init(policy: PolicyConfig, maySwap: Bool) {
    self.maySwap = maySwap
    ordering = policy.ordering
    anchor = policy.deadlineAnchor
  }

  /// Iterations last as long as the decodes' deadlines let them; else the token budget alone limits them.
  var sizesByTime: Bool { ordering == .qoserve || ordering == .mooreHodgson }
  /// Decodes run in every iteration, whatever their rank: ranks are about prefills.
  var servesDecodesFirst: Bool { sizesByTime }
  /// A waiting request takes blocks and places from running ones of lower rank. FastServe swaps for that; where every
  /// preemption means to compute again, under overload it would do little else.
  /// - Parameter hostTier: host memory takes KV at present.
  func preemptsToAdmit(hostTier: Bool) -> Bool { ordering == .srpt || (ordering == .mlfq && maySwap && hostTier) }

  // MARK: - Standing

  func standing(of slot: Int) -> Standing { slot < standings.count ? standings[slot] : .live }

  mutating func setStanding(_ slot: Int, _ standing: Standing) {
    if slot >= standings.count {
      guard standing != .live else { return }
      standings.append(contentsOf: repeatElement(.live, count: slot + 1 - standings.count))
    }
    standings[slot] = standing
  }

  /// Last moment at which the prefill can go on alone and the first token is in time; nil once it is out.
  static func latestStart(_ request: Request, _ facts: QueueFacts) -> Int64? {
    request.outputTokens > 0 ? nil : request.arrivalUs &+ Int64(facts.ttftSLOMs) * 1_000 &- facts.prefillUs
  }

  /// Takes note of a request that changed.
  mutating func update(slot: Int, request: Request, facts: QueueFacts, ids: ContiguousArray<String>) {
    switch ordering {
    case .mlfq: levels.update(slot: slot, request: request, prefillUs: facts.prefillUs + facts.fixedUs, ids: ids)
    case .qoserve, .mooreHodgson:
      if !request.isLive { setStanding(slot, .live) }
      if request.isCandidate, standing(of: slot) != .hopeless, let latest = Self.latestStart(request, facts) {
        expiry.insert(slot, SlotHeap.Key(latest &- facts.fixedUs), ids)
      } else {
        expiry.remove(slot, ids)
      }
    default: break
    }
  }

  /// Waiting slots that cannot be in time any more, or that have starved: their keys are new.
  mutating func takeMoved(nowUs: Int64, _ table: RequestTable) -> ContiguousArray<Int32> {
    if ordering == .mlfq { return levels.promoteWaiting(nowUs: nowUs, table) }
    var moved: ContiguousArray<Int32> = []
    while let slot = expiry.first, expiry.key(of: slot).first < nowUs {
      expiry.remove(slot, table.ids)
      setStanding(slot, .hopeless)
      moved.append(Int32(slot))
    }
    return moved
  }

  /// Whether who is given up is to be selected anew.
  mutating func isSelectionDue(nowUs: Int64) -> Bool {
    guard ordering == .mooreHodgson, selectedUs == .min || nowUs - selectedUs >= Self.selectionEveryUs else {
      return false
    }
    selectedUs = nowUs
    return true
  }

  // MARK: - Keys

  /// Smaller is served first. For the orderings whose key is not the queue's own.
  func key(slot: Int, request: Request, facts: QueueFacts) -> SlotHeap.Key {
    switch ordering {
    case .mlfq: return levels.key(of: slot, request)
    case .srpt: return SlotHeap.Key(facts.prefillUs &+ facts.decodeUs, 0, request.arrivalUs)
    case .qoserve:
      let workUs = Int64(Self.hybridWeight * Double(facts.prefillUs))
      let dueUs = nextTokenDue(request, facts) &+ workUs
      return SlotHeap.Key(Int64(standing(of: slot).rawValue), dueUs, request.arrivalUs)
    default:
      return SlotHeap.Key(Int64(standing(of: slot).rawValue), nextTokenDue(request, facts), request.arrivalUs)
    }
  }

  /// When the next token is due, in the session's time: the first by TTFT after arrival, the following one TPOT apart,
  /// counted from the first token or from the moment at which it was due.
  func nextTokenDue(_ request: Request, _ facts: QueueFacts) -> Int64 {
    let firstDueUs = request.arrivalUs &+ Int64(facts.ttftSLOMs) * 1_000
    let startUs = anchor == .firstToken && request.firstTokenUs >= 0 ? request.firstTokenUs : firstDueUs
    return startUs &+ Int64(request.outputTokens) &* Int64(facts.tpotSLOMs) * 1_000
  }

  /// How long an iteration that starts at `startUs` may take for this decode's sake.
  func patienceUs(_ request: Request, _ facts: QueueFacts, startUs: Int64) -> Int64 {
    let tpotUs = Int64(facts.tpotSLOMs) * 1_000
    var slackUs = nextTokenDue(request, facts) &- startUs
    // Moore-Hodgson is here to show what can be done for every single gap between tokens, not only for their mean.
    if ordering == .mooreHodgson, request.lastTokenUs >= 0, request.unsettledPlans == 0 {
      slackUs = min(slackUs, request.lastTokenUs &+ tpotUs &- startUs)
    }
    return max(slackUs, Int64(Self.floorShare * Double(tpotUs)))
  }
}
