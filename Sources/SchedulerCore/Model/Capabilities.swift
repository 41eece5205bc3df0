/// The verbs that an engine declared it can carry out (Docs/wire.md, session rule 4).
///
/// A verb that is not in the set never leaves the core: `PlanInvariants` checks it on every plan.
public struct Capabilities: OptionSet, Hashable, Codable, Sendable {
  public let rawValue: UInt32

  public init(rawValue: UInt32) { self.rawValue = rawValue }

  public static let order = Self(rawValue: 1 << 0)
  public static let hold = Self(rawValue: 1 << 1)
  public static let budget = Self(rawValue: 1 << 2)
  public static let sequences = Self(rawValue: 1 << 3)
  public static let chunk = Self(rawValue: 1 << 4)
  /// Leave a running request out of the plan; it keeps its KV blocks.
  public static let pause = Self(rawValue: 1 << 5)
  /// Drop the tail blocks of a running request.
  public static let truncate = Self(rawValue: 1 << 6)
  /// Drop all blocks of a running request and put it back into the waiting queue.
  public static let requeue = Self(rawValue: 1 << 7)
  public static let swapCPU = Self(rawValue: 1 << 8)
  public static let swapSSD = Self(rawValue: 1 << 9)
  public static let victimOrder = Self(rawValue: 1 << 10)
  public static let draftRequest = Self(rawValue: 1 << 11)
  public static let draftBatch = Self(rawValue: 1 << 12)
  public static let abort = Self(rawValue: 1 << 13)
  public static let kvPin = Self(rawValue: 1 << 14)
  public static let kvEvict = Self(rawValue: 1 << 15)
  public static let kvPrefetch = Self(rawValue: 1 << 16)
  public static let migrate = Self(rawValue: 1 << 17)
  /// Truncate, requeue and swap may name a request of an unsettled plan.
  public static let inFlightPreempt = Self(rawValue: 1 << 18)

  /// Every verb with its name on the wire, in the order of Docs/wire.md.
  public static let named: [(name: String, verb: Capabilities)] = [
    ("order", .order), ("hold", .hold), ("budget", .budget), ("sequences", .sequences), ("chunk", .chunk),
    ("pause", .pause), ("truncate", .truncate), ("requeue", .requeue), ("swap_cpu", .swapCPU),
    ("swap_ssd", .swapSSD), ("victim_order", .victimOrder), ("draft_request", .draftRequest),
    ("draft_batch", .draftBatch), ("abort", .abort), ("kv_pin", .kvPin), ("kv_evict", .kvEvict),
    ("kv_prefetch", .kvPrefetch), ("migrate", .migrate), ("in_flight_preempt", .inFlightPreempt),
  ]
}
