/// Policy as the core sees it: integers and enumerations, decoded from a policy file at the rim (Schemas/policy-v1).
public struct PolicyConfig: Hashable, Codable, Sendable {
  /// One SLO class. Lower rank is served first where the ordering looks at rank.
  public struct RequestClass: Hashable, Codable, Sendable {
    public var name: String
    public var rank: Int
    public var ttftSLOMs: Int
    public var tpotSLOMs: Int
    public var weight: Int
    /// Share of the engine that is the class's own where capacity is allotted to classes, in parts per million.
    public var reservedPpm: Int
    /// Requests of the class that may run on capacity of better classes at once.
    public var upgradeQuota: Int
    /// How many of them may start to in one second; nil: no limit of its own.
    public var upgradesPerSecond: Int?

    public init(
      name: String, rank: Int, ttftSLOMs: Int, tpotSLOMs: Int, weight: Int, reservedPpm: Int = 0,
      upgradeQuota: Int = 0, upgradesPerSecond: Int? = nil
    ) {
      self.name = name
      self.rank = rank
      self.ttftSLOMs = ttftSLOMs
      self.tpotSLOMs = tpotSLOMs
      self.weight = weight
      self.reservedPpm = reservedPpm
      self.upgradeQuota = upgradeQuota
      self.upgradesPerSecond = upgradesPerSecond
    }
  }

  /// A tenant with a share of its own where tenants take turns.
  public struct Tenant: Hashable, Codable, Sendable {
    public var name: String
    /// Share of the service, relative to the other tenants; those that are not listed have 1.
    public var weight: Int

    public init(name: String, weight: Int) {
      self.name = name
      self.weight = weight
    }
  }

  /// Order of the waiting requests.
  public enum Ordering: String, CaseIterable, Hashable, Codable, Sendable {
    /// By arrival; a preempted request goes to the front (vLLM V1, `policy="fcfs"`).
    case fcfs
    /// By class rank, then arrival (vLLM V1, `policy="priority"`).
    case priority
    /// Earliest deadline of the first token: arrival plus the request's or the class's TTFT.
    case edf
    /// Least time left until the deadline of the first token once the prefill still to do is taken off.
    case leastSlack = "least_slack"
    /// Shortest job first: prompt still to compute plus the output that is expected. Long requests may starve.
    case sjfPredicted = "sjf_predicted"
    /// Virtual token counter: the tenant served least, first come first served within it (Sheng et al., OSDI 2024).
    case vtc
    /// Deficit longest prefix match: the longest cached prefix among tenants with deficit left (arXiv 2501.14312).
    case dlpm
    /// Fair queuing by finish tags of estimated cost, between tenants within classes, by their weights.
    case weightedFair = "weighted_fair"
    /// Skip-join multi-level feedback queue (FastServe, arXiv 2305.05920).
    case mlfq
    /// Between earliest deadline and shortest remaining prefill; who cannot make it gives way (QoServe, Niyama).
    case qoserve
    /// Earliest deadline among those that Moore-Hodgson keeps. Takes max_output for the true length: clairvoyant.
    case mooreHodgson = "moore_hodgson"
    /// Shortest remaining processing time. Takes max_output for the true length: clairvoyant.
    case srpt
    /// By the deadline of the first token and the prefill still to do; those that cannot all be served in time give
    /// way by value per GPU time (the flagship, Docs/planner.md).
    case goodput

    /// Whether tenants take turns by what they were served.
    public var takesTurns: Bool { self == .vtc || self == .dlpm }

    /// Whether keys come from ranks that time changes.
    var isRanked: Bool { self == .mlfq || self == .qoserve || self == .mooreHodgson || self == .srpt }
  }

  /// In which order one iteration's budget is handed out.
  public enum BatchStrategy: String, CaseIterable, Hashable, Codable, Sendable {
    /// Running requests in order of admission, chunks and decodes alike, then waiting ones (vLLM V1).
    case continuous
    /// Every decode, then partial prefills, then waiting ones (Sarathi-Serve, arXiv 2403.02310).
    case decodeFirst = "decode_first"
    /// Every decode, then one prompt's chunk (decode-maximal batching, SARATHI, arXiv 2308.16369).
    case decodeMaximal = "decode_maximal"
    /// As `decode_first`, but who has run for a slice of iterations stands behind those that wait (slice-level
    /// scheduling, arXiv 2406.13511).
    case sliceLevel = "slice_level"
    /// Every running request, then waiting ones with whole prompts, as far as KV for prompt and longest output can be
    /// reserved (Orca, OSDI 2022).
    case orca
    /// As much as fits the time until the next token of the tightest request is due (the flagship, Docs/planner.md).
    case goodput
    /// Running and waiting requests in one order, anew in every iteration; who gets nothing is paused.
    case ranked
    /// Random but valid plans that use every declared verb: exercises engines and clients. Never for serving.
    case exerciser
  }

  /// How the flagship treats tenants.
  public enum Fairness: String, CaseIterable, Hashable, Codable, Sendable {
    /// They do not matter.
    case none
    /// Whoever was served more than its share waits for those who were not (VTC's counters, Sheng et al., OSDI 2024).
    case vtc
  }

  /// What the flagship does with requests whose first token cannot be in time any more.
  public enum Late: String, CaseIterable, Hashable, Codable, Sendable {
    /// They get what the others leave.
    case last
    /// They get another deadline, as long as few are late and the others can be in time beside them.
    case soon
  }

  /// From when on the deadlines of tokens after the first are counted, one TPOT apart.
  public enum DeadlineAnchor: String, CaseIterable, Hashable, Codable, Sendable {
    /// From when the first token was due: one that came early leaves time to spare.
    case arrival
    /// From when the first token came: the client's own measure of time per output token.
    case firstToken = "first_token"
  }

  /// Whom to preempt when the KV blocks run out.
  public enum VictimOrder: String, CaseIterable, Hashable, Codable, Sendable {
    /// The request admitted last (vLLM V1, fcfs).
    case lastAdmitted = "last_admitted"
    /// Worst rank, then latest arrival (vLLM V1, priority).
    case lowestPriority = "lowest_priority"
    /// Fewest computed tokens: the cheapest to recompute.
    case leastComputed = "least_computed"
    /// Who is late for good, then who gave way already, then the lowest weight, then the fewest computed tokens.
    case leastWorth = "least_worth"
    /// Least cost per block given back; those that would miss a deadline by it go last.
    case cost
  }

  public var name: String
  public var classes: [RequestClass]
  /// Name of the class for requests whose class the policy does not know.
  public var defaultClass: String
  public var ordering: Ordering
  /// Who may use which part of the engine's capacity.
  public var allocation = Allocation.shared
  /// Tenants with weights of their own; all others have 1.
  public var tenants: [Tenant]
  /// Waiting requests older than this go first, by arrival, where the ordering has no such rule of its own; nil: never.
  public var starvationBoundMs: Int?
  /// Weighted tokens that a tenant gets at a time under `dlpm`.
  public var quantumTokens: Int
  public var fairness: Fairness
  /// Weighted tokens that a tenant may be ahead of another before it yields; nil: what its share of the machine is in
  /// one second.
  public var fairnessSlackTokens: Int?
  public var late = Late.last
  public var batchStrategy: BatchStrategy
  public var batch = BatchRules()
  /// For orderings that look at the deadline of every token.
  public var deadlineAnchor: DeadlineAnchor
  /// Tokens per iteration; nil means the engine's limit. Never above the engine's limit.
  public var stepTokens: Int?
  /// Running requests; nil means the engine's limit. Never above the engine's limit.
  public var sequences: Int?
  /// Largest prefill chunk of one request per iteration; 0 means no limit of its own.
  public var longPrefillTokens: Int
  /// Share of each pool that admission leaves free, in parts per million.
  public var watermarkPpm: Int
  /// Who chooses what leaves the prefix cache, where the engine takes the choice.
  public var eviction = EvictionRule.engine
  public var victimOrder: VictimOrder
  public var preemption = PreemptionRules()
  public var admission = AdmissionRules()
  /// Drafts per decoding request under speculation mode `fixed` where the engine has a drafter; 0 means no speculation.
  public var draftTokens: Int
  public var speculation: SpeculationConfig
  /// Iteration times to start from; nil: made from the model's size, and learned. Measured times correct either.
  public var timeModel: IterationTimeModel?
  /// How long an engine with nothing to schedule waits before it asks again, in microseconds.
  public var holdUs: Int

  /// Whether prompts are cut so that iterations keep the time between tokens of the decodes beside them.
  public var isPaced: Bool { batchStrategy == .goodput || ordering == .qoserve || batch.budget == .slack }

  public static let quantumTokensDefault = 2_048

  public init(
    name: String, classes: [RequestClass], defaultClass: String, ordering: Ordering, batchStrategy: BatchStrategy,
    stepTokens: Int?, sequences: Int?, longPrefillTokens: Int, watermarkPpm: Int, victimOrder: VictimOrder,
    draftTokens: Int, holdUs: Int, tenants: [Tenant] = [], quantumTokens: Int = Self.quantumTokensDefault,
    timeModel: IterationTimeModel? = nil, deadlineAnchor: DeadlineAnchor = .firstToken, starvationBoundMs: Int? = nil,
    speculation: SpeculationConfig = SpeculationConfig(),
    fairness: Fairness = .none, fairnessSlackTokens: Int? = nil
  ) {
    self.name = name
    self.classes = classes
    self.defaultClass = defaultClass
    self.ordering = ordering
    self.tenants = tenants
    self.starvationBoundMs = starvationBoundMs
    self.quantumTokens = quantumTokens
    self.fairness = fairness
    self.fairnessSlackTokens = fairnessSlackTokens
    self.batchStrategy = batchStrategy
    self.stepTokens = stepTokens
    self.sequences = sequences
    self.longPrefillTokens = longPrefillTokens
    self.watermarkPpm = watermarkPpm
    self.victimOrder = victimOrder
    self.draftTokens = draftTokens
    self.holdUs = holdUs
    self.timeModel = timeModel
    self.deadlineAnchor = deadlineAnchor
    self.speculation = speculation
  }
}
