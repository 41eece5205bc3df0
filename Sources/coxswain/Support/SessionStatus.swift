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
  /// Summed over the pools; nil when the reply does not say.
  var freeBlocks: Int?
  var totalBlocks: Int?

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
    freeBlocks = json["kv_free_blocks"]?.arrayValue?.reduce(0) { $0 + ($1.integerValue ?? 0) }
    totalBlocks = json["kv_total_blocks"]?.arrayValue?.reduce(0) { $0 + ($1.integerValue ?? 0) }
  }
}
