/// The answer to one Step: a batch plan, and the cache and placement plans where they changed.
///
/// One value is kept per session and refilled in place, so that a steady Step allocates nothing.
public struct StepPlan: Hashable, Sendable {
  /// One request's work in this iteration.
  public struct Item: Hashable, Sendable {
    public var h: RequestHandle
    /// Tokens to compute, drafts included.
    public var n: Int
    /// Drafts to verify, part of `n`.
    public var k: Int
    /// How the drafts lie: a chain, but for engines that declare trees.
    public var shape: DraftShape

    public init(h: RequestHandle, n: Int, k: Int, shape: DraftShape = .chain) {
      self.h = h
      self.n = n
      self.k = k
      self.shape = shape
    }
  }

  public struct Truncation: Hashable, Sendable {
    public var h: RequestHandle
    /// Computed tokens that stay.
    public var keepTokens: Int

    public init(h: RequestHandle, keepTokens: Int) {
      self.h = h
      self.keepTokens = keepTokens
    }
  }

  public struct Abortion: Hashable, Sendable {
    public var h: RequestHandle
    public var retryAfterMs: Int

    public init(h: RequestHandle, retryAfterMs: Int) {
      self.h = h
      self.retryAfterMs = retryAfterMs
    }
  }

  /// Work of the iteration in plan order.
  ///
  /// Plan order when `decodesAll` is set: first every request of the decode set by ascending handle (one token, no
  /// drafts each), then the explicit items in their order. Otherwise: the order of this array.
  public var run: [Item] = []
  /// The first `decodeCount` items of `run` are exactly the running, unblocked requests that are neither in `pause`
  /// nor later in `run`, each with one token and no drafts, in any order: the wire says `decode:"all"`, and the engine
  /// takes them by ascending handle.
  public var decodesAll = false
  public var decodeCount = 0
  /// Running, unblocked requests left out of this iteration; they keep their blocks.
  public var pause: [RequestHandle] = []
  public var truncate: [Truncation] = []
  public var requeue: [RequestHandle] = []
  public var swapCPU: [RequestHandle] = []
  public var swapSSD: [RequestHandle] = []
  public var abort: [Abortion] = []
  /// Whom the engine should preempt first if an allocation fails.
  public var victims: [RequestHandle] = []
  /// Waiting candidates beyond the plan, best first.
  public var order: [RequestHandle] = []
  /// Token budget of the iteration when the engine declared `budget`.
  public var budgetTokens: Int?
  /// Draft length for the whole batch when the engine declared `draft_batch`.
  public var draftBatch: Int?
  /// How the drafts of the whole batch lie.
  public var draftBatchShape = DraftShape.chain
  /// Nothing to schedule: ask again after this long or at the next event (session rule 17).
  public var holdUs: Int?
  /// Sent only when it changed; nil means as before.
  public var cache: CachePlan?
  /// Sent only when its generation changed; nil means as before.
  public var placement: PlacementPlan?
  public var reasons: [PlanReason] = []

  public init() {}

  public var isEmpty: Bool { run.isEmpty }

  /// Empties every field and keeps the storage.
  public mutating func removeAll() {
    run.removeAll(keepingCapacity: true)
    decodesAll = false
    decodeCount = 0
    pause.removeAll(keepingCapacity: true)
    truncate.removeAll(keepingCapacity: true)
    requeue.removeAll(keepingCapacity: true)
    swapCPU.removeAll(keepingCapacity: true)
    swapSSD.removeAll(keepingCapacity: true)
    abort.removeAll(keepingCapacity: true)
    victims.removeAll(keepingCapacity: true)
    order.removeAll(keepingCapacity: true)
    budgetTokens = nil
    draftBatch = nil
    draftBatchShape = .chain
    holdUs = nil
    cache = nil
    placement = nil
    reasons.removeAll(keepingCapacity: true)
  }
}
