import SchedulerCore

/// The least engine that a core can be tested against: it does exactly what a plan says, has one pool of blocks and
/// shares nothing. Deliberately apart from the mirror's code: it keeps its own truth by request id.
struct FaithfulEngine {
  struct Live {
    var id: String
    /// The how manieth it is.
    var number: Int
    var prompt: Int
    var maxOutput: Int
    var computed = 0
    var output = 0
    var running = false
    var blocked = false
    /// Its blocks are in host memory.
    var isSwapped = false
    var arrival: Int64
    /// Prefix tokens in the cache: computed for free when it runs first.
    var cached = 0
  }

  static let names = ["tenant-a", "interactive", "batch", "tenant-b", "tenant-c"] + adapters
  static let tenants = [0, 3, 4]
  static let adapters = (0..<12).map { "lora-\($0)" }

  let description: EngineDescription
  var now: Int64 = 1_000
  /// What every iteration takes.
  var iterationUs: Int64 = 1_000
  var seq: UInt64 = 0
  var live: [RequestHandle: Live] = [:]
  /// How many drafts are right is drawn from it; nil: all that can be.
  var luck: SplitMix64?
  /// Handles of requests that ended go to the next ones, as the session rules allow, the last one first.
  var usesHandlesAgain = false
  private var freeHandles: [RequestHandle] = []
  private var nextHandle: RequestHandle = 1
  private var arrivals = 0
  private var pending = StepDelta()
  private var namesSent = false
  /// Tokens really computed.
  private(set) var computedTokens = 0
  private(set) var finished = 0
  /// Finishing order, for fairness and starvation tests.
  private(set) var finishedIDs: [String] = []

  init(_ description: EngineDescription) { self.description = description }

  var heldBlocks: Int {
    let size = description.model.kvGroups[0].blockTokens
    return live.values.reduce(0) { $0 + ($1.isSwapped ? 0 : ($1.computed + size - 1) / size) }
  }

  var freeBlocks: Int { description.model.pools[0].blocks - heldBlocks }

  @discardableResult
  mutating func arrive(
    prompt: Int, maxOutput: Int, name: String? = nil, requestClass: Int = 1, tenant: Int = 0, ageUs: Int64 = 0,
    cachedTokens: Int = 0, ttftSLOMs: Int = 0, adapter: Int? = nil
  ) -> RequestHandle {
    let h = takeHandle()
    arrivals += 1
    let id = name ?? "r\(arrivals)"
    live[h] = Live(
      id: id, number: arrivals, prompt: prompt, maxOutput: maxOutput, arrival: now - ageUs, cached: cachedTokens)
    pending.arrived.h.append(h)
    pending.arrived.id.append(id)
    pending.arrived.tenant.append(tenant)
    pending.arrived.requestClass.append(requestClass)
    pending.arrived.prompt.append(prompt)
    pending.arrived.maxOutput.append(maxOutput)
    pending.arrived.ageUs.append(ageUs)
    pending.arrived.cachedTokens.append(cachedTokens)
    pending.arrived.ttftSLOMs.append(ttftSLOMs)
    if description.limits.adapters > 0 {
      pending.arrived.adapter.append(adapter.map { Self.names.count - Self.adapters.count + $0 } ?? -1)
    }
    return h
  }

  private mutating func takeHandle() -> RequestHandle {
    if usesHandlesAgain, let handle = freeHandles.popLast() { return handle }
    nextHandle += 1
    return nextHandle - 1
  }

  mutating func setBlocked(_ h: RequestHandle, _ blocked: Bool) {
    live[h]!.blocked = blocked
    if blocked {
      pending.blocked.append(h)
      pending.blockedWhy.append(.grammar)
    } else {
      pending.ready.append(h)
    }
  }

  /// The Step with everything that happened since the last one.
  mutating func step() -> StepDelta {
    seq += 1
    now += iterationUs
    var delta = pending
    freeHandles += pending.removed
    pending.removeAll()
    delta.epoch = 7
    delta.seq = seq
    delta.nowUs = now
    delta.kvFreeBlocks = [freeBlocks]
    if !namesSent {
      delta.names = Self.names
      namesSent = true
    }
    delta.check = StepDelta.Check(
      running: live.values.count { $0.running }, waiting: live.values.count { !$0.running },
      blocked: live.values.count { $0.blocked }, computed: live.values.reduce(0) { $0 + $1.computed },
      output: live.values.reduce(0) { $0 + $1.output })
    return delta
  }

  /// Runs the plan to the letter; settles it at once (a synchronous engine).
  mutating func run(_ plan: StepPlan) {
    for h in plan.requeue {
      live[h]!.computed = 0
      live[h]!.running = false
    }
    for cut in plan.truncate { live[cut.h]!.computed = cut.keepTokens }
    for item in plan.abort {
      live[item.h] = nil
      pending.removed.append(item.h)
      pending.removedWhy.append(.shed)
    }
    for h in plan.swapCPU + plan.swapSSD {
      live[h]!.running = false
      live[h]!.isSwapped = true
    }
    // Where every draft is right, nothing is said of it.
    let saysAccepted = luck != nil || plan.run.contains { !$0.shape.isChain }
    for item in plan.run {
      computedTokens += item.n
      live[item.h]!.isSwapped = false
      if live[item.h]!.cached > 0 { reportHit(item) }
      live[item.h]!.running = true
      live[item.h]!.computed += item.n
      let accepted = accepted(item)
      if item.k > 0, saysAccepted { pending.settled.accepted.append(UInt8(accepted)) }
      if live[item.h]!.computed == live[item.h]!.prompt + live[item.h]!.output + item.k {
        live[item.h]!.computed -= item.k - accepted
        live[item.h]!.output += 1 + accepted
      }
    }
    if !plan.run.isEmpty {
      pending.settled.seq.append(seq)
      pending.settled.elapsedUs.append(iterationUs)
      pending.settled.acceptedEnd.append(pending.settled.accepted.count)
    }
    let ended = live.filter { $0.value.output >= $0.value.maxOutput }
    for h in ended.keys.sorted(by: { ended[$0]!.number < ended[$1]!.number }) {
      finishedIDs.append(live[h]!.id)
      live[h] = nil
      finished += 1
      pending.removed.append(h)
      pending.removedWhy.append(.stop)
    }
  }

  private mutating func accepted(_ item: StepPlan.Item) -> Int {
    let depth = item.shape.depth(drafts: item.k)
    guard depth > 0 else { return 0 }
    return luck?.below(depth + 1) ?? depth
  }

  /// The cached prefix counts as computed, once; the item goes on from there, and the Step says so.
  private mutating func reportHit(_ item: StepPlan.Item) {
    live[item.h]!.computed += live[item.h]!.cached
    live[item.h]!.cached = 0
    let request = live[item.h]!
    let computed = request.computed + item.n
    pending.launched.seq = seq
    pending.launched.h.append(item.h)
    pending.launched.n.append(item.n)
    pending.launched.why.append(.cached)
    pending.state.h.append(item.h)
    pending.state.computed.append(computed)
    pending.state.output.append(request.output + (computed == request.prompt + request.output ? 1 : 0))
    pending.state.running.append(true)
  }

  /// A description with one pool of `blocks` blocks of 16 tokens.
  static func description(
    blocks: Int = 1_000, stepTokens: Int = 64, sequences: Int = 8, inFlightMax: Int = 1,
    inFlightRepeat: EngineDescription.InFlightRepeat = .any, drafter: EngineDescription.Drafter? = nil,
    fullPromptMustFit: Bool = false, adapters: Int = 0,
    capabilities: Capabilities = [.order, .hold, .chunk, .pause, .requeue, .victimOrder]
  ) -> EngineDescription {
    EngineDescription(
      name: "test", version: "1", serverID: "s", engineBootID: "b",
      model: .init(
        id: "m", parameters: 1, pools: [.init(blocks: blocks)],
        kvGroups: [.init(pool: 0, blockTokens: 16, bytesPerToken: 1, windowTokens: 0)]),
      inFlightMax: inFlightMax, inFlightRepeat: inFlightRepeat,
      limits: .init(stepTokens: stepTokens, sequences: sequences, length: 4_096, adapters: adapters, encoderTokens: 0),
      drafter: drafter, fullPromptMustFit: fullPromptMustFit, capabilities: capabilities)
  }
}

extension PolicyConfig {
  /// vLLM V1 with `policy="fcfs"`, unless said otherwise.
  static func test(
    ordering: Ordering = .fcfs, strategy: BatchStrategy = .continuous, stepTokens: Int? = nil,
    longPrefillTokens: Int = 0, watermarkPpm: Int = 0, victims: VictimOrder = .lastAdmitted, drafts: Int = 0,
    tenants: [Tenant] = [], quantumTokens: Int = 50, sequences: Int? = nil, timeModel: IterationTimeModel? = nil,
    deadlineAnchor: DeadlineAnchor = .firstToken, starvationBoundMs: Int? = nil
  ) -> PolicyConfig {
    PolicyConfig(
      name: "test",
      classes: [
        .init(name: "interactive", rank: 0, ttftSLOMs: 500, tpotSLOMs: 25, weight: 3),
        .init(name: "batch", rank: 1, ttftSLOMs: 60_000, tpotSLOMs: 200, weight: 1),
      ],
      defaultClass: "batch", ordering: ordering, batchStrategy: strategy, stepTokens: stepTokens, sequences: sequences,
      longPrefillTokens: longPrefillTokens, watermarkPpm: watermarkPpm, victimOrder: victims, draftTokens: drafts,
      holdUs: 5_000, tenants: tenants, quantumTokens: quantumTokens, timeModel: timeModel,
      deadlineAnchor: deadlineAnchor, starvationBoundMs: starvationBoundMs)
  }
}

extension IterationTimeModel {
  /// 1 ms per prompt token and per decoded one, and nothing else.
  static let plain = IterationTimeModel(
    form: .linear, decodeOnly: .init(a: 0, b: 1, c: 0, d: 1, e: 0), withPrefill: .init(a: 0, b: 1, c: 0, d: 1, e: 0),
    overheadUs: 0)
}
