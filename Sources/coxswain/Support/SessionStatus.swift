import WireProtocol

/// One session of an Admin/Status reply; what is missing counts as zero.
struct SessionStatus {
  var name: String
  /// Server id and data-parallel rank.
  var server: String
  var engine: String
  var state: String
  var seq: Int
  var running: Int
  var waiting: Int
  var blocked: Int
  var steps: Int
  var plans: Int
  var fallbacks: Int
  var late: Int
  var resyncs: Int
  var plannedTokens: Int
  var executedTokens: Int
  var draftedTokens: Int
  var acceptedTokens: Int
  /// Bounds of the sidecar's own time for a Step; nil when there is none yet.
  var stepP50Us: Int?
  var stepP99Us: Int?
  /// Items that the engine carried out otherwise than planned, by reason.
  var exceptions: [(reason: String, items: Int)]
  /// Free and total KV blocks, summed over the pools; nil until the engine told.
  var blocks: (free: Int, total: Int)?

  init(_ json: JSONValue) {
    func number(_ name: String) -> Int { json[name]?.integerValue ?? 0 }
    func text(_ name: String) -> String { json[name]?.stringValue ?? "?" }
    name = text("session")
    server = "\(text("server_id"))/\(number("dp_rank"))"
    engine = "\(text("engine")) \(text("engine_version"))"
    state = text("state")
    seq = number("seq")
    running = number("running")
    waiting = number("waiting")
    blocked = number("blocked")
    steps = number("steps")
    plans = number("plans")
    fallbacks = number("fallbacks")
    late = number("deadline_exceeded")
    resyncs = number("resyncs")
    plannedTokens = number("planned_tokens")
    executedTokens = number("executed_tokens")
    draftedTokens = number("drafted_tokens")
    acceptedTokens = number("accepted_tokens")
    stepP50Us = json["step_p50_us"]?.integerValue
    stepP99Us = json["step_p99_us"]?.integerValue
    exceptions = (json["exceptions"]?.objectValue?.members ?? []).map { ($0.name, $0.value.integerValue ?? 0) }
    let free = (json["kv_free_blocks"]?.arrayValue ?? []).compactMap(\.integerValue)
    let total = (json["kv_total_blocks"]?.arrayValue ?? []).compactMap(\.integerValue)
    blocks = free.isEmpty || free.count != total.count ? nil : (free.reduce(0, +), total.reduce(0, +))
  }
}
