/// The members of every message with a Swift decoder, compared with the schemas by a test, so that neither can drift.
public enum MessageField {
  public enum Step: String, CaseIterable, Hashable, Sendable {
    case epoch, seq
    case nowUs = "now_us"
    case kvFreeBlocks = "kv_free_blocks"
    case kvCachedBlocks = "kv_cached_blocks"
    case sync, names, arrived, launched, settled, state, removed, blocked, ready
    case untrackedTokens = "untracked_tokens"
    case check, spot

    /// What an engine may send that changes state and that older sidecars do not know: the reply to Register lists
    /// them.
    public static let stepFields: [Step] = [.launched, .settled, .state, .untrackedTokens, .spot]
  }

  /// Members that an engine may send beside them when it registered a prefix cache and a verb for it: only such an
  /// engine finds them in the list, so that all others get the reply that they know.
  public enum PrefixField: String, CaseIterable, Hashable, Sendable {
    case prefix
    case tierTokens = "tier_tokens"
    case kvCachedBlocks = "kv_cached_blocks"
  }

  public enum Arrival: String, CaseIterable, Hashable, Sendable {
    case h, id, tenant
    case requestClass = "class"
    case prompt
    case maxOutput = "max_output"
    case ageUs = "age_us"
    case adapter
    case cachedTokens = "cached_tokens"
    case ttftSLOMs = "ttft_slo_ms"
    case tpotSLOMs = "tpot_slo_ms"
    case prefix
    case tierTokens = "tier_tokens"
  }

  public enum Launched: String, CaseIterable, Hashable, Sendable {
    case seq, mode, iterations, h, n, x, drafted
  }

  public enum Settled: String, CaseIterable, Hashable, Sendable {
    case seq
    case elapsedUs = "elapsed_us"
    case accepted
  }

  public enum State: String, CaseIterable, Hashable, Sendable {
    case h, computed, output, running, why
  }

  public enum Plan: String, CaseIterable, Hashable, Sendable {
    case run, decode, pause, truncate, requeue
    case swapCPU = "swap_cpu"
    case swapSSD = "swap_ssd"
    case abort, victims, order
    case budgetTokens = "budget_tokens"
    case draftBatch = "draft_batch"
    case draftBatchLevels = "draft_batch_levels"
    case holdUs = "hold_us"
    case cache, placement, reasons
  }

  public enum Cache: String, CaseIterable, Hashable, Sendable {
    case watermarkBlocks = "watermark_blocks"
    case evict, pin, unpin, prefetch
  }

  public enum Register: String, CaseIterable, Hashable, Sendable {
    case engine
    case serverID = "server_id"
    case dpRank = "dp_rank"
    case dpSize = "dp_size"
    case tp, pp
    case engineBootID = "engine_boot_id"
    case nowUs = "now_us"
    case model
    case inFlightMax = "in_flight_max"
    case inFlightRepeat = "in_flight_repeat"
    case limits, drafter
    case fullPromptMustFit = "full_prompt_must_fit"
    case kinds, capabilities
    case prefixCache = "prefix_cache"
  }

  public enum RegisterReply: String, CaseIterable, Hashable, Sendable {
    case session, epoch, applied
    case policyGeneration = "policy_generation"
    case mirrorLimits = "mirror_limits"
    case wire
    case stepFields = "step_fields"
  }

  public enum PlanRequest: String, CaseIterable, Hashable, Sendable {
    case register, step, policy
  }
}
