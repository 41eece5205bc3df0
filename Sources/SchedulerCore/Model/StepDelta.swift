/// Engine-chosen name of a live request (Docs/wire.md, session rule 5).
public typealias RequestHandle = UInt32

/// What changed in the engine since the last Step, as columns (Docs/wire.md, session rules 5 to 8).
///
/// One value is kept per session and refilled in place, so that a steady Step allocates nothing.
/// Columns of one group have equal length; an optional column is empty or as long as its `h`.
public struct StepDelta: Hashable, Sendable {
  /// New requests. `id`, `prompt`, `maxOutput` and `ageUs` are required.
  public struct Arrivals: Hashable, Sendable {
    public var h: [RequestHandle] = []
    public var id: [String] = []
    /// Index into the session's names, in the order in which `names` sent them.
    public var tenant: [Int] = []
    /// Index into the session's names; a name that the policy does not know falls to its default class.
    public var requestClass: [Int] = []
    public var prompt: [Int] = []
    public var maxOutput: [Int] = []
    /// Microseconds since the request arrived, at `nowUs`; signed.
    public var ageUs: [Int64] = []
    /// Optional: index into the session's names, or -1 for none.
    public var adapter: [Int] = []
    /// Optional: prefix tokens that the engine's cache held on arrival. A hint for order and cost only.
    public var cachedTokens: [Int] = []
    /// Optional: 0 means the class decides.
    public var ttftSLOMs: [Int] = []
    /// Optional: 0 means the class decides.
    public var tpotSLOMs: [Int] = []
    /// Optional: keys of each prompt's leading prefix units, all prompts' in a row. A key stands for everything up to
    /// its unit's end.
    public var prefixKeys: [UInt64] = []
    /// End of each arrival's keys in `prefixKeys`; empty where the column is absent.
    public var prefixEnd: [Int] = []
    /// Optional: prefix tokens beyond `cachedTokens` that a slower tier holds.
    public var tierTokens: [Int] = []

    public init() {}

    public mutating func removeAll() {
      h.removeAll(keepingCapacity: true)
      id.removeAll(keepingCapacity: true)
      tenant.removeAll(keepingCapacity: true)
      requestClass.removeAll(keepingCapacity: true)
      prompt.removeAll(keepingCapacity: true)
      maxOutput.removeAll(keepingCapacity: true)
      ageUs.removeAll(keepingCapacity: true)
      adapter.removeAll(keepingCapacity: true)
      cachedTokens.removeAll(keepingCapacity: true)
      ttftSLOMs.removeAll(keepingCapacity: true)
      tpotSLOMs.removeAll(keepingCapacity: true)
      removePrefixes()
    }

    /// Takes the names of prefixes out: not every sidecar knows them.
    public mutating func removePrefixes() {
      prefixKeys.removeAll(keepingCapacity: true)
      prefixEnd.removeAll(keepingCapacity: true)
      tierTokens.removeAll(keepingCapacity: true)
    }

    /// The keys of one arrival.
    public func keys(of index: Int) -> ArraySlice<UInt64> {
      guard index < prefixEnd.count else { return [] }
      return prefixKeys[(index > 0 ? prefixEnd[index - 1] : 0)..<prefixEnd[index]]
    }
  }

  /// Why executed work differs from planned work.
  public enum ExceptionCause: String, CaseIterable, Hashable, Sendable {
    case cached, partial, kv, lora, encoder, grammar
    case remoteKV = "remote_kv"
    case gone, admitted, other
  }

  /// How the plan of the last Step was carried out.
  public struct Launched: Hashable, Sendable {
    public enum Mode: String, CaseIterable, Hashable, Sendable {
      /// The plan, except for what `x` lists. Also what an absent `launched` means.
      case plan
      /// The engine's own scheduler ran `iterations` times; `h` and `n` are all that it ran.
      case fallback
      /// Nothing was launched.
      case none
    }
    /// The last Step's seq; 0 with mode plan stands for an absent `launched`: as planned.
    public var seq: UInt64 = 0
    public var mode: Mode = .plan
    public var iterations: Int = 0
    /// Work that differs from the plan (mode plan) or all the work (mode fallback).
    public var h: [RequestHandle] = []
    public var n: [Int] = []
    /// Mode plan only; as long as `h`.
    public var why: [ExceptionCause] = []
    /// Drafts really sent for verification, one entry per item planned with drafts, in plan order.
    /// `hasDrafted` false: as planned.
    public var drafted: [UInt8] = []
    public var hasDrafted = false

    public init() {}

    public mutating func removeAll() {
      seq = 0
      mode = .plan
      iterations = 0
      h.removeAll(keepingCapacity: true)
      n.removeAll(keepingCapacity: true)
      why.removeAll(keepingCapacity: true)
      drafted.removeAll(keepingCapacity: true)
      hasDrafted = false
    }
  }

  /// Results that came in: oldest first, each seq once.
  public struct Settlements: Hashable, Sendable {
    public var seq: [UInt64] = []
    public var elapsedUs: [Int64] = []
    /// End of each settlement's digits in `accepted`; equal to the previous end when it accepted nothing.
    public var acceptedEnd: [Int] = []
    /// Accepted drafts, the bonus token excluded, one per item launched with drafts, in plan order.
    public var accepted: [UInt8] = []

    public init() {}

    public mutating func removeAll() {
      seq.removeAll(keepingCapacity: true)
      elapsedUs.removeAll(keepingCapacity: true)
      acceptedEnd.removeAll(keepingCapacity: true)
      accepted.removeAll(keepingCapacity: true)
    }
  }

  /// Absolute state, as at sending time.
  public struct State: Hashable, Sendable {
    public var h: [RequestHandle] = []
    public var computed: [Int] = []
    public var output: [Int] = []
    public var running: [Bool] = []
    public init() {}

    public mutating func removeAll() {
      h.removeAll(keepingCapacity: true)
      computed.removeAll(keepingCapacity: true)
      output.removeAll(keepingCapacity: true)
      running.removeAll(keepingCapacity: true)
    }
  }

  public enum RemovalCause: String, CaseIterable, Hashable, Sendable {
    case stop, length, abort, shed, error, other

    /// The answer was complete, so that its length says something about answers to come.
    var isNatural: Bool { self == .stop || self == .length }
  }

  public enum BlockCause: String, CaseIterable, Hashable, Sendable {
    case remoteKV = "remote_kv"
    case grammar, encoder
    case streamingInput = "streaming_input"
    case other
  }

  /// Sums over the mirror after this Step (session rule 10).
  public struct Check: Hashable, Codable, Sendable {
    public var running: Int
    public var waiting: Int
    public var blocked: Int
    public var computed: Int
    public var output: Int

    public init(running: Int, waiting: Int, blocked: Int, computed: Int, output: Int) {
      self.running = running
      self.waiting = waiting
      self.blocked = blocked
      self.computed = computed
      self.output = output
    }
  }

  /// One request's state after this Step, in turn (session rule 10).
  public struct Spot: Hashable, Sendable {
    public var h: RequestHandle
    public var computed: Int
    public var output: Int
    public var running: Bool
    public var blocked: Bool

    public init(h: RequestHandle, computed: Int, output: Int, running: Bool, blocked: Bool) {
      self.h = h
      self.computed = computed
      self.output = output
      self.running = running
      self.blocked = blocked
    }
  }

  public var epoch: UInt64 = 0
  public var seq: UInt64 = 0
  public var nowUs: Int64 = 0
  public var sync = false
  /// Free blocks of each pool, evictable cached blocks included, after everything launched so far.
  public var kvFreeBlocks: [Int] = []
  /// Optional: those of them that hold cached content, one count per pool.
  public var kvCachedBlocks: [Int] = []
  /// Names that join the session's table: tenants, classes, adapters.
  public var names: [String] = []
  public var arrived = Arrivals()
  public var launched = Launched()
  public var settled = Settlements()
  public var state = State()
  public var removed: [RequestHandle] = []
  public var removedWhy: [RemovalCause] = []
  public var blocked: [RequestHandle] = []
  public var blockedWhy: [BlockCause] = []
  public var ready: [RequestHandle] = []
  /// Tokens computed on requests that the mirror does not know, per tenant name index.
  public var untrackedTenant: [Int] = []
  public var untrackedTokens: [Int] = []
  public var check: Check?
  public var spot: Spot?

  public init() {}

  /// Empties every field and keeps the storage.
  public mutating func removeAll() {
    epoch = 0
    seq = 0
    nowUs = 0
    sync = false
    kvFreeBlocks.removeAll(keepingCapacity: true)
    kvCachedBlocks.removeAll(keepingCapacity: true)
    names.removeAll(keepingCapacity: true)
    arrived.removeAll()
    launched.removeAll()
    settled.removeAll()
    state.removeAll()
    removed.removeAll(keepingCapacity: true)
    removedWhy.removeAll(keepingCapacity: true)
    blocked.removeAll(keepingCapacity: true)
    blockedWhy.removeAll(keepingCapacity: true)
    ready.removeAll(keepingCapacity: true)
    untrackedTenant.removeAll(keepingCapacity: true)
    untrackedTokens.removeAll(keepingCapacity: true)
    check = nil
    spot = nil
  }
}

extension StepDelta.ExceptionCause {
  /// Position in `allCases`.
  public var index: Int {
    switch self {
    case .cached: 0
    case .partial: 1
    case .kv: 2
    case .lora: 3
    case .encoder: 4
    case .grammar: 5
    case .remoteKV: 6
    case .gone: 7
    case .admitted: 8
    case .other: 9
    }
  }
}

extension StepDelta.Check {
  /// Position of the first number that differs, in wire order; 0 when none does.
  public func firstDifference(from other: Self) -> Int {
    if running != other.running { return 0 }
    if waiting != other.waiting { return 1 }
    if blocked != other.blocked { return 2 }
    if computed != other.computed { return 3 }
    return output != other.output ? 4 : 0
  }
}

extension StepDelta.Spot {
  /// Position of the first value that differs, in wire order; 0 when none does.
  public func firstDifference(from other: Self) -> Int {
    if computed != other.computed { return 1 }
    if output != other.output { return 2 }
    if running != other.running { return 3 }
    return blocked != other.blocked ? 4 : 0
  }
}
