/// How many drafts each decoding request verifies, and in trees of which shape, within what the engine can do: a fixed
/// number, or as many as are worth their time (Docs/speculation.md).
struct SpeculationController: Codable, Sendable {
  /// Why a request that might draft does not.
  enum Hindrance: UInt8, Codable, Sendable {
    case none
    /// Its drafts are not expected to be worth their time.
    case acceptance
    /// KV blocks are short, or the machine's memory is.
    case kv
    /// Drafts lost more time lately than the policy allows.
    case loss
  }

  /// What was decided for a request last.
  private struct Note: Codable, Sendable {
    var serial: RequestSerial = 0
    var drafts: UInt8 = 0
    var shape = DraftShape.chain
    var hindrance = Hindrance.none
  }

  /// Reasons in one plan; for others the next plans say it.
  private static let newsMost = 4
  /// Iterations without drafts after which some are tried, and the most after tries in vain.
  private static let probeAfterLeast = 32
  private static let probeAfterMost = 1_024
  /// Requests that take part in a try.
  private static let probesMost = 4
  /// A gate that closed for want of blocks opens at so many times the share at which it closed.
  private static let kvOpenFactor = 2

  let engine: EngineDescription.Drafter?
  private(set) var mode: SpeculationConfig.Mode
  /// Drafts of one request at most, under `goodput`, of a tree its levels; the drafts of each request otherwise.
  private var drafts: Int
  /// The engine takes one draft length for the whole batch, not one per request.
  let isPerBatch: Bool
  private var kvFreePpm: Int

  private var book = AcceptanceBook()
  private(set) var cost: DraftCost
  private(set) var account: SpeculationAccount
  private var allocation = DraftAllocation()
  private var hasBlocks = true
  private var hasMemory = true
  private var quietIterations = 0
  private var probeAfter = Self.probeAfterLeast
  /// By slot.
  private var notes: ContiguousArray<Note> = []
  /// Slots with drafts in this iteration.
  private var allotted: ContiguousArray<Int32> = []
  private var news: ContiguousArray<Int32> = []

  init(engine: EngineDescription, policy: PolicyConfig) {
    let canDraft = !engine.capabilities.isDisjoint(with: [.draftRequest, .draftBatch])
    self.engine = canDraft ? engine.drafter : nil
    isPerBatch = self.engine != nil && !engine.capabilities.contains(.draftRequest)
    mode = .off
    drafts = 0
    kvFreePpm = 0
    cost = DraftCost(givenUs: policy.speculation.draftStepUs)
    account = SpeculationAccount(lossLimitPpm: policy.speculation.lossLimitPpm)
    setPolicy(policy)
  }

  /// What was learned stays.
  mutating func setPolicy(_ policy: PolicyConfig) {
    let most = min(engine?.kMax ?? 0, SpeculationLimit.digitsMax)
    mode = most > 0 ? policy.speculation.mode : .off
    switch mode {
    case .off: drafts = 0
    case .fixed: drafts = min(policy.draftTokens, most)
    case .engine: drafts = most
    case .goodput: drafts = min(policy.speculation.maxDraftTokens, most)
    }
    kvFreePpm = policy.speculation.kvFreePpm
    cost = cost.with(givenUs: policy.speculation.draftStepUs)
    account = account.with(lossLimitPpm: policy.speculation.lossLimitPpm)
    clear()
  }

  var isOn: Bool { drafts > 0 }

  /// Drafts are decided anew for every iteration.
  var weighsDrafts: Bool { drafts > 0 && mode == .goodput }

  /// Drafts for the whole batch.
  var batchDrafts: (drafts: Int, shape: DraftShape) { weighsDrafts ? allocation.batch : (drafts, .chain) }

  /// Drafts for one request: none while it prefills, and never more than it may still output after the sure token.
  func drafts(slot: Int, for request: Request) -> Int {
    guard drafts > 0, request.isRunning, request.isDecoding else { return 0 }
    guard mode == .goodput else { return max(0, min(drafts, Self.room(request))) }
    guard slot < notes.count, notes[slot].serial == request.serial else { return 0 }
    return max(0, min(Int(notes[slot].drafts), Self.room(request)))
  }

  /// How the drafts of a request lie that has at least as many as `drafts` says.
  func shape(slot: Int, for request: Request) -> DraftShape {
    guard mode == .goodput, slot < notes.count, notes[slot].serial == request.serial else { return .chain }
    return notes[slot].shape
  }

  private static func room(_ request: Request) -> Int { request.maxOutputTokens - request.outputTokens - 1 }

  // MARK: - Learning

  mutating func observe(_ outcome: DraftOutcome) {
    if weighsDrafts { book.observe(outcome) }
  }

  mutating func observe(_ iteration: DraftedIteration) {
    cost.observe(iteration)
    account.observe(iteration)
  }

  mutating func observePlain(elapsedUs: Double) { account.grant(elapsedUs: elapsedUs) }

  // MARK: - One iteration

  /// Starts an iteration's decision.
  /// - Parameters:
  ///   - freePpm: share of the scarcest pool's blocks that is free, in parts per million.
  ///   - isShort: somebody had to give way or was left out for want of blocks.
  mutating func open(freePpm: Int, isShort: Bool, memory: MemoryPressureLevel) {
    clear()
    if isShort || freePpm < kvFreePpm {
      hasBlocks = false
    } else if freePpm >= Self.kvOpenFactor * kvFreePpm {
      hasBlocks = true
    }
    hasMemory = memory < .shrink
  }

  private mutating func clear() {
    for slot in allotted { notes[Int(slot)].drafts = 0 }
    allotted.removeAll(keepingCapacity: true)
    news.removeAll(keepingCapacity: true)
    allocation.open(depthMost: drafts, trees: engine?.tree)
  }

  /// A request that decodes in this iteration.
  mutating func add(slot: Int, _ request: Request) {
    let expected = book.expectation(slot: slot, serial: request.serial, deliveredTokens: request.deliveredTokens)
    let further =
      allocation.isForTrees
      ? book.candidates(slot: slot, serial: request.serial, deliveredTokens: request.deliveredTokens)
      : CandidateBelief.Weights(repeating: 0)
    allocation.add(
      slot: slot, serial: request.serial, room: Self.room(request), weights: expected.weights, further: further,
      unseenTokens: expected.unseenTokens)
  }

  /// Decides for all that were added. - Returns: time that the drafter is expected to take, in microseconds.
  @discardableResult
  mutating func decide(_ conditions: DraftConditions) -> Double {
    guard allocation.count > 0 else { return 0 }
    let hindrance: Hindrance = !hasBlocks || !hasMemory ? .kv : account.isOpen ? .none : .loss
    let stepUs = cost.stepUs(plainUs: conditions.plainUs)
    if hindrance == .none {
      allocation.decide(conditions, stepUs: stepUs, perBatch: isPerBatch)
      probeIfQuiet(conditions, stepUs: stepUs)
    }
    allocation.visit { note(slot: $0, serial: $1, drafts: $2, shape: $3, most: $4, hindrance) }
    return Double(allocation.depth) * stepUs
  }

  /// Nobody's drafts are expected to be worth it: now and then a few are tried, ever more seldom while that is in vain.
  private mutating func probeIfQuiet(_ conditions: DraftConditions, stepUs: Double) {
    guard allocation.depth == 0 else {
      quietIterations = 0
      probeAfter = Self.probeAfterLeast
      return
    }
    quietIterations += 1
    guard quietIterations >= probeAfter else { return }
    quietIterations = 0
    probeAfter = min(Self.probeAfterMost, 2 * probeAfter)
    allocation.probe(atMost: isPerBatch ? .max : Self.probesMost, conditions, stepUs: stepUs)
  }

  private mutating func note(
    slot: Int, serial: RequestSerial, drafts: Int, shape: DraftShape, most: Int, _ hindrance: Hindrance
  ) {
    if slot >= notes.count { notes.append(contentsOf: repeatElement(Note(), count: slot + 1 - notes.count)) }
    if notes[slot].serial != serial { notes[slot] = Note(serial: serial) }
    notes[slot].drafts = UInt8(clamping: drafts)
    notes[slot].shape = shape
    if drafts > 0 { allotted.append(Int32(slot)) }
    let now: Hindrance = drafts > 0 || most == 0 ? .none : hindrance == .none ? .acceptance : hindrance
    guard notes[slot].hindrance != now else { return }
    if now != .none {
      guard news.count < Self.newsMost else { return }
      news.append(Int32(slot))
    }
    notes[slot].hindrance = now
  }

  /// Hands over the requests whose drafts ended with this decision, and why; a few per iteration.
  func forEachNews(_ body: (_ slot: Int, _ hindrance: Hindrance) -> Void) {
    for slot in news { body(Int(slot), notes[Int(slot)].hindrance) }
  }

  /// Share of the next drafts of a request that are expected to be right, in percent.
  func expectedPercent(slot: Int, _ request: Request) -> Int {
    let expected = book.expectation(slot: slot, serial: request.serial, deliveredTokens: request.deliveredTokens)
    return Int((AcceptanceBelief.mean(expected.weights) * 100).rounded())
  }

  /// Time that drafts lost beyond what was granted, in microseconds.
  var overdrawnUs: Int { Int(max(0, SpeculationAccount.openUs - account.balanceUs)) }
}
