/// One request as the mirror holds it. Plain numbers only: the hot path walks arrays of these. The string id lives
/// beside it in `RequestTable`.
public struct Request: Hashable, Codable, Sendable {
  public var handle: RequestHandle
  /// Set when the request enters the table.
  public var serial: RequestSerial = 0
  /// Index into the session's names.
  public var tenant: Int32
  /// Index into the session's names.
  public var className: Int32
  /// Index into the session's names; -1 for none.
  public var adapter: Int32
  public var promptTokens: Int
  public var maxOutputTokens: Int
  public var arrivalUs: Int64
  /// Prefix tokens that the engine's cache held on arrival; a hint.
  public var cachedTokens: Int
  /// 0: the class decides.
  public var ttftSLOMs: Int
  /// 0: the class decides.
  public var tpotSLOMs: Int

  /// Tokens whose KV exists or is being computed by launched plans.
  public var computedTokens = 0
  /// Output tokens known or promised by launched plans.
  public var outputTokens = 0
  /// Session time of the first settled output token, in microseconds; -1 before it.
  public var firstTokenUs: Int64 = -1
  /// Session time of the last settled output token, in microseconds; -1 before the first.
  public var lastTokenUs: Int64 = -1
  /// Measured time of the settled iterations that the request was in, in microseconds.
  public var servedUs: Int64 = 0
  /// Session time of the last of them, in microseconds; -1 before the first.
  public var lastServedUs: Int64 = -1
  /// Output tokens whose iterations are settled: what the client may have.
  public var deliveredTokens = 0
  public var isRunning = false
  public var isBlocked = false
  /// Its KV is in host memory or on disk: `computedTokens` hold no blocks until it runs again.
  public var isSwapped = false
  /// False once the engine removed it; the slot is free then.
  public var isLive = true
  /// Unsettled plans that name this request.
  public var unsettledPlans: Int32 = 0
  /// Position in `RequestTable.running`; -1 when not running.
  public var runningIndex: Int32 = -1
  /// Grows with each return from running to waiting; 0 for a request that never ran.
  public var requeueSerial: Int64 = 0

  public init(
    handle: RequestHandle, tenant: Int32, className: Int32, adapter: Int32, promptTokens: Int, maxOutputTokens: Int,
    arrivalUs: Int64, cachedTokens: Int, ttftSLOMs: Int, tpotSLOMs: Int
  ) {
    self.handle = handle
    self.tenant = tenant
    self.className = className
    self.adapter = adapter
    self.promptTokens = promptTokens
    self.maxOutputTokens = maxOutputTokens
    self.arrivalUs = arrivalUs
    self.cachedTokens = cachedTokens
    self.ttftSLOMs = ttftSLOMs
    self.tpotSLOMs = tpotSLOMs
  }

  /// Tokens that are known or promised and have no KV yet. 1 while decoding.
  public var remainingTokens: Int { promptTokens + outputTokens - computedTokens }

  /// Tokens that a plan has to compute, the expected prefix hit of a fresh request taken off. At least 1 token is
  /// always computed: it makes the next output token.
  public var uncachedTokens: Int {
    computedTokens == 0 ? max(1, remainingTokens - cachedTokens) : remainingTokens
  }

  /// A result with `count` output tokens arrived at `nowUs`.
  @inline(__always)
  mutating func deliver(tokens count: Int, at nowUs: Int64) {
    guard count > 0 else { return }
    if firstTokenUs < 0 { firstTokenUs = nowUs }
    lastTokenUs = nowUs
    deliveredTokens += count
  }

  /// An item of a plan settled at `nowUs`; the plan is none of the unsettled ones any more.
  @inline(__always)
  mutating func settle(_ yield: PlannedStep.Yield, at nowUs: Int64) {
    switch yield {
    case .nothing: return
    case .token: deliver(tokens: 1, at: nowUs)
    case .asReported where unsettledPlans == 0: deliver(tokens: outputTokens - deliveredTokens, at: nowUs)
    case .asReported: return
    }
  }

  /// Whether the slot still holds the request that a record made earlier means.
  /// Until the plan of the record is settled: the engine gives the handle to nobody else before.
  public func isSame(as handle: RequestHandle) -> Bool { isLive && self.handle == handle }

  /// Whether the slot still holds the request that a memory is about.
  func isSame(as serial: RequestSerial) -> Bool { isLive && self.serial == serial }

  /// Live, waiting and not blocked: it may be admitted.
  public var isCandidate: Bool { isLive && !isRunning && !isBlocked }

  public var isDecoding: Bool { remainingTokens == 1 && computedTokens >= promptTokens }
}
