import Logging
import Policy
import SchedulerCore
import Testing
import WireProtocol

@testable import Sidecar

/// An engine's side of one session, without a socket: messages in, replies out, and a clock that the test moves.
final class Conversation {
  let registry: SessionRegistry
  let session: EngineSession
  private let time: Time
  private var writer = JSONWriter()
  private var nextID: UInt64 = 0

  /// Microseconds; the session reads it, tests set it.
  final class Time {
    var nowUs = 1_000
    /// Added at every reading: how long planning seems to take.
    var perReadingUs = 0
  }

  init(_ registry: SessionRegistry = .forTests(), limits: SidecarLimits = SidecarLimits()) {
    self.registry = registry
    let time = Time()
    self.time = time
    session = EngineSession(
      registry: registry, limits: limits, resources: .unknown,
      log: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
      clock: {
        time.nowUs += time.perReadingUs
        return time.nowUs
      })
  }

  func planningTakes(us: Int) { time.perReadingUs = us }

  // MARK: - Calls

  @discardableResult
  func register(_ change: (inout JSONObject) -> Void = { _ in }) throws -> JSONValue {
    var message = try #require(try JSONValue(parsing: Self.engine).objectValue)
    change(&message)
    return try session.register(.object(message))
  }

  /// Sends a Step and returns the reply.
  func step(_ message: String, timeoutUs: Int? = nil, isCancelled: Bool = false) throws -> Reply {
    try step(bytes: Array(message.utf8), timeoutUs: timeoutUs, isCancelled: isCancelled)
  }

  func step(bytes: [UInt8], timeoutUs: Int? = nil, isCancelled: Bool = false) throws -> Reply {
    nextID += 1
    writer.removeAll()
    bytes.withUnsafeBytes {
      session.step(
        id: nextID, timeoutUs: timeoutUs, message: $0, receivedUs: time.nowUs, isCancelled: { isCancelled },
        into: &writer)
      session.note($0, writer.bytes)
    }
    let reply = try Array(writer.bytes.dropFirst(FrameHeader.byteCount)).withUnsafeBytes { try Reply.parse($0) }
    #expect(reply.id == nextID)
    return reply
  }

  /// A Step without news, or with the members given.
  func step(epoch: Int, seq: Int, _ members: String = "") throws -> Reply {
    try step(Self.step(epoch: epoch, seq: seq, members))
  }

  static func step(epoch: Int, seq: Int, _ members: String = "") -> String {
    #"{"epoch":\#(epoch),"seq":\#(seq),"now_us":\#(seq * 1000),"kv_free_blocks":[100]\#(members.isEmpty ? "" : ",")\#(members)}"#
  }

  /// One arrival with handle `h`, 32 prompt tokens; the first one brings the names.
  static func arrival(_ h: Int, names: Bool = true) -> String {
    (names ? #""names":["acme","chat"],"# : "")
      + #""arrived":{"h":[\#(h)],"id":["r\#(h)"],"tenant":[0],"class":[1],"prompt":[32],"max_output":[8],"age_us":[0]}"#
  }

  static let engine = """
    {"engine":{"name":"test","version":"1"},"server_id":"node","dp_rank":0,"dp_size":4,"engine_boot_id":"boot","now_us":0,
    "model":{"id":"m","parameters":1,"pools":[{"blocks":100}],"kv_groups":[{"pool":0,"block_tokens":16,
    "bytes_per_token":1}]},"in_flight_max":1,"limits":{"step_tokens":64,"sequences":8,"length":4096},
    "capabilities":["order","hold","chunk","pause","requeue","victim_order"]}
    """
}

extension SessionRegistry {
  static func forTests(limits: SidecarLimits = SidecarLimits()) -> SessionRegistry {
    SessionRegistry(
      policy: ActivePolicy(document: PolicyDocument.preset("vllm-v1")!, generation: 3), limits: limits,
      firstEpoch: 1_000, checksPlans: true)
  }
}
