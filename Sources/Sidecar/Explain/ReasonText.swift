import SchedulerCore

/// Reasons as sentences. The number keeps the unit that the reason names.
enum ReasonText {
  static func text(_ code: String, _ number: Int) -> String {
    switch code {
    case "chunk_budget": "cut to \(number) tokens: the iteration's token budget was used up"
    case "chunk_long_prefill": "cut to \(number) tokens: the policy's limit for long prompts"
    case "admitted": "admitted with \(number) tokens"
    case "preempted_kv": "preempted so that requests ahead can grow; gives back about \(number) blocks"
    case "recompute_cost": "computing it again is expected to take \(number) us of GPU time"
    case "copy_cost": "copying it out and back is expected to take \(number) us"
    case "truncate_cost": "computing what it lost again is expected to take \(number) us of GPU time"
    case "truncated_kv": "its last \(number) computed tokens were dropped so that requests ahead can grow"
    case "paused_kv": "left out: \(number) blocks short"
    case "paused_budget": "left out: \(number) tokens of the iteration's budget were left"
    case "paused_slice": "left out: it has run for \(number) iterations, and others have waited longer"
    case "chunk_taken": "left out: the iteration has \(number) chunk of a prompt already"
    case "paused_in_flight": "left out: \(number) unsettled plans name it already"
    case "paused_finished": "left out: its \(number) output tokens are on their way"
    case "adapter_limit": "left out: the iteration names \(number) adapters already"
    case "waiting_budget": "waits: the iteration's token budget is used up"
    case "waiting_sequences": "waits: \(number) requests run already, the limit"
    case "waiting_kv": "waits: \(number) KV blocks are missing for it"
    case "waiting_memory": "waits: the machine is short of memory, \(number) bytes are left"
    case "waiting_preemption": "waits: \(number) running requests had to give way in this very step"
    case "speculating": "speculates \(number) tokens"
    case "drafts_unlikely": "no drafts: \(number) percent of them are expected to be right, too few"
    case "drafts_kv": "no drafts: \(number) KV blocks are free, or the machine is short of memory"
    case "drafts_lost": "no drafts: they lost time lately, \(number) us are to be made good before they are tried again"
    case "shed_queue_depth": "ends: \(number) requests wait, more than the policy lets wait, and it came last"
    case "shed_infeasible": "ends: to be in time its prefill had to begin \(number) us ago"
    case "deferred": "stands behind all others: it can not be in time any more; its turn is about \(number) ms away"
    case "upgraded": "runs on idle capacity of a better class, one of \(number) of its class that do"
    case "returned_place": "left out: its capacity goes back, \(number) requests of better classes wait"
    case "returned_kv": "preempted: \(number) blocks go back to the class that they are reserved for"
    case "waiting_share": "its class has its share, \(number) requests, and no better class leaves any idle"
    case "upgrade_quota": "\(number) of its class run on capacity of better classes, the quota"
    case "upgrade_rate": "its class had its upgrades of this second; \(number) are upgraded now"
    case "cache_evicted": "\(number) named prefixes leave the cache to make room for it"
    case "cache_pinned": "the cache keeps its first \(number) tokens until it starts"
    case "cache_prefetched": "\(number) tokens of its prefix come back from the slower tier"
    case "stalled": "tried alone: nothing of the last \(number) plans could be run"
    default: "\(code) \(number)"
    }
  }
}
