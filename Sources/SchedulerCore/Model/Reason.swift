/// Why a request was treated as it was, with the numbers that decided. Rendered by `explain`, metrics and logs alike.
public enum Reason: Hashable, Codable, Sendable {
  /// The prompt was cut to `tokens` because the iteration's token budget was used up.
  case chunkBudget(tokens: Int)
  /// The prompt was cut to the policy's `tokens` for long prompts.
  case chunkLongPrefill(tokens: Int)
  /// Admitted to the batch with `tokens` of its prompt.
  case admitted(tokens: Int)
  /// Preempted so that requests ahead of it can grow; gives back about `blocks`.
  case preemptedKV(blocks: Int)
  /// Preempted: computing it again is expected to take `us` of GPU time, what the cache will still hold taken off.
  case recomputeCost(us: Int)
  /// Preempted: copying it out and back is expected to take `us`.
  case copyCost(us: Int)
  /// Cut: computing the dropped tokens again is expected to take `us` of GPU time.
  case truncateCost(us: Int)
  /// Lost its last `tokens` computed tokens so that requests ahead of it can grow.
  case truncatedKV(tokens: Int)
  /// Left out of this iteration: `missingBlocks` blocks short, and it may not be preempted yet.
  case pausedKV(missingBlocks: Int)
  /// Left out of this iteration: the token budget is used up.
  case pausedBudget(tokens: Int)
  /// Left out: it has run for a slice of `iterations`, and others have waited longer than it.
  case pausedSlice(iterations: Int)
  /// Left out or passed over: the iteration has its `chunks` chunks of prompts already.
  case chunkTaken(chunks: Int)
  /// Left out: already in an unsettled plan and the engine allows no repeat.
  case pausedInFlight(plans: Int)
  /// Left out: its output reached `maxOutput` under the plans in flight.
  case pausedFinished(maxOutput: Int)
  /// Left out: the iteration already names `adapters` different adapters.
  case adapterLimit(adapters: Int)
  /// Passed over: the token budget of `tokens` is used up.
  case waitingBudget(tokens: Int)
  /// Passed over: `sequences` requests run already.
  case waitingSequences(sequences: Int)
  /// Passed over: it needs `blocks` more blocks than admission may use.
  case waitingKV(missingBlocks: Int)
  /// Passed over: host memory is so tight, `headroomBytes` left, that nobody new is admitted.
  case waitingMemory(headroomBytes: Int)
  /// Passed over: running requests were preempted in this very step.
  case waitingPreemption(victims: Int)
  /// Speculates `drafts` tokens.
  case speculating(drafts: Int)
  /// No drafts: so many percent of them are expected to be right, too few to be worth their time.
  case draftsUnlikely(acceptancePercent: Int)
  /// No drafts: so few KV blocks are free, or the machine is short of memory.
  case draftsKV(freeBlocks: Int)
  /// No drafts: they lost time lately, and `us` have to be made good before they are tried again.
  case draftsLost(us: Int)
  /// Ends: `waiting` requests wait, more than the policy lets wait, and it came last.
  case shedQueueDepth(waiting: Int)
  /// Ends: its prefill would have had to begin `lateUs` ago for its first token to be in time.
  case shedInfeasible(lateUs: Int)
  /// Stands behind all others, since its first token cannot be in time any more; about `waitMs` until its turn.
  case deferred(waitMs: Int)
  /// Runs on capacity that better classes leave idle, one of `requests` of its class that do.
  case upgraded(requests: Int)
  /// Left out: the capacity that it ran on goes back, `waiting` requests of better classes wait for theirs.
  case returnedPlace(waiting: Int)
  /// Preempted: `blocks` blocks, or the place in the engine, go back to the class that they were reserved for.
  case returnedKV(blocks: Int)
  /// Left out or passed over: its class's share is used up by `requests` requests, and no better class leaves any idle.
  case waitingShare(requests: Int)
  /// Left out or passed over: `requests` of its class run on capacity of better classes, as many as may.
  case upgradeQuota(requests: Int)
  /// Left out or passed over: as many of its class as may were upgraded in the last second; `requests` are now.
  case upgradeRate(requests: Int)
  /// So many named units of the prefix cache go to make room for its work.
  case cacheEvicted(units: Int)
  /// The cache keeps its first `tokens` tokens until it starts.
  case cachePinned(tokens: Int)
  /// `tokens` tokens of its prefix come back from the slower tier: copying them takes less time than computing them.
  case cachePrefetched(tokens: Int)
  /// Only this item is tried: nothing of the last `steps` plans could be run.
  case stalled(steps: Int)

  /// Whether preempting somebody would help: blocks or places are missing.
  var isAboutRoom: Bool {
    switch self {
    case .waitingKV, .waitingSequences: true
    default: false
    }
  }

  /// The name on the wire.
  public var code: String {
    switch self {
    case .chunkBudget: "chunk_budget"
    case .chunkLongPrefill: "chunk_long_prefill"
    case .admitted: "admitted"
    case .preemptedKV: "preempted_kv"
    case .recomputeCost: "recompute_cost"
    case .copyCost: "copy_cost"
    case .truncateCost: "truncate_cost"
    case .truncatedKV: "truncated_kv"
    case .pausedKV: "paused_kv"
    case .pausedBudget: "paused_budget"
    case .pausedSlice: "paused_slice"
    case .chunkTaken: "chunk_taken"
    case .pausedInFlight: "paused_in_flight"
    case .pausedFinished: "paused_finished"
    case .adapterLimit: "adapter_limit"
    case .waitingBudget: "waiting_budget"
    case .waitingSequences: "waiting_sequences"
    case .waitingKV: "waiting_kv"
    case .waitingMemory: "waiting_memory"
    case .waitingPreemption: "waiting_preemption"
    case .speculating: "speculating"
    case .draftsUnlikely: "drafts_unlikely"
    case .draftsKV: "drafts_kv"
    case .draftsLost: "drafts_lost"
    case .shedQueueDepth: "shed_queue_depth"
    case .shedInfeasible: "shed_infeasible"
    case .deferred: "deferred"
    case .upgraded: "upgraded"
    case .returnedPlace: "returned_place"
    case .returnedKV: "returned_kv"
    case .waitingShare: "waiting_share"
    case .upgradeQuota: "upgrade_quota"
    case .upgradeRate: "upgrade_rate"
    case .cacheEvicted: "cache_evicted"
    case .cachePinned: "cache_pinned"
    case .cachePrefetched: "cache_prefetched"
    case .stalled: "stalled"
    }
  }

  /// The number that decided, in the unit that the case names.
  public var number: Int {
    switch self {
    case .chunkBudget(let x), .chunkLongPrefill(let x), .admitted(let x), .preemptedKV(let x),
      .recomputeCost(let x), .copyCost(let x), .truncateCost(let x), .truncatedKV(let x), .pausedKV(let x),
      .pausedBudget(let x), .pausedSlice(let x), .chunkTaken(let x), .pausedInFlight(let x), .pausedFinished(let x),
      .adapterLimit(let x),
      .waitingBudget(let x), .waitingSequences(let x), .waitingKV(let x), .waitingMemory(let x),
      .waitingPreemption(let x), .speculating(let x), .draftsUnlikely(let x), .draftsKV(let x),
      .draftsLost(let x), .shedQueueDepth(let x), .shedInfeasible(let x), .deferred(let x), .stalled(let x),
      .upgraded(let x), .returnedPlace(let x), .returnedKV(let x), .waitingShare(let x), .upgradeQuota(let x),
      .upgradeRate(let x), .cacheEvicted(let x), .cachePinned(let x), .cachePrefetched(let x):
      x
    }
  }
}
