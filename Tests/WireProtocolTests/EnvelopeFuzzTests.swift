import Foundation
import SchedulerCore
import Testing

@testable import WireProtocol

/// Damaged payloads: never a crash, and never accepted unless they are JSON.
struct EnvelopeFuzzTests {
  private static let requests = [
    #"{"id":7,"method":"coxswain.v1.Scheduler/Step","timeout_us":2000,"metadata":{"a":"b"},"message":{"epoch":1,"x":[1,-2.5e3,"é\u0041",null,true]}}"#,
    #"{"message":{"limit":10},"method":"coxswain.v1.Admin/Requests","id":18446744073709551615}"#,
    #"{"id":7,"cancel":true}"#,
  ]
  private static let replies = [
    #"{"id":7,"status":{"code":"OK"},"message":{"epoch":1,"seq":2,"plan":{"decode":"all","run":{"h":[1],"n":[5]}}}}"#,
    #"{"id":7,"status":{"code":"ABORTED","message":"m","details":{"reason":"REPLACED"}},"message":{}}"#,
    #"{"id":7,"message":{"leaf":{"value":1.5,"status":"ok","age_ms":3}}}"#,
  ]

  private static func damage(_ text: String, _ random: inout SeededRandom) -> [UInt8] {
    var bytes = Array(text.utf8)
    if Int.random(in: 0..<4, using: &random) == 0 { bytes.removeLast(Int.random(in: 0..<bytes.count, using: &random)) }
    for _ in 0..<Int.random(in: 1...3, using: &random) where !bytes.isEmpty {
      let at = Int.random(in: 0..<bytes.count, using: &random)
      switch Int.random(in: 0..<4, using: &random) {
      case 0: bytes[at] ^= 1 << UInt8.random(in: 0...7, using: &random)
      case 1: bytes.remove(at: at)
      case 2: bytes.insert("{}[]\",:0123456789.eE+-tfn\\u ".utf8.randomElement(using: &random)!, at: at)
      default: bytes[at] = UInt8.random(in: 0...255, using: &random)
      }
    }
    return bytes
  }

  private static func isJSON(_ bytes: [UInt8]) -> Bool {
    (try? JSONSerialization.jsonObject(with: Data(bytes), options: [.fragmentsAllowed])) != nil
  }

  @Test(arguments: 0..<8)
  func damagedRequests(index: Int) {
    let seed = UInt64(8_000 + index)
    var random = SeededRandom(seed: seed)
    var accepted = 0
    for _ in 0..<1_000 {
      let bytes = Self.damage(Self.requests.randomElement(using: &random)!, &random)
      let result = bytes.withUnsafeBytes { payload in Result { try RequestEnvelope.parse(payload) } }
      switch result {
      case .success(let envelope):
        accepted += 1
        #expect(Self.isJSON(bytes), "seed \(seed): \(String(decoding: bytes, as: UTF8.self))")
        #expect(envelope.message.isEmpty || bytes[envelope.message.lowerBound] == UInt8(ascii: "{"))
      case .failure(let error):
        #expect((error as? EnvelopeError)?.error.code == .invalidArgument)
        #expect((error as? EnvelopeError)?.error.details["field"] != nil)
      }
    }
    #expect(accepted > 0 && accepted < 1_000, "seed \(seed)")
  }

  @Test(arguments: 0..<8)
  func damagedReplies(index: Int) {
    let seed = UInt64(9_000 + index)
    var random = SeededRandom(seed: seed)
    var accepted = 0
    for _ in 0..<1_000 {
      let bytes = Self.damage(Self.replies.randomElement(using: &random)!, &random)
      let reply = bytes.withUnsafeBytes { try? Reply.parse($0) }
      let head = bytes.withUnsafeBytes { try? ReplyHead.parse($0) }
      guard let reply else { continue }
      accepted += 1
      #expect(Self.isJSON(bytes), "seed \(seed): \(String(decoding: bytes, as: UTF8.self))")
      guard let head else { continue }
      #expect(head.id == reply.id && head.isOK == (reply.code == .ok), "seed \(seed)")
      var answer = StepReply()
      bytes.withUnsafeBytes { _ = try? answer.decode(UnsafeRawBufferPointer(rebasing: $0[head.message])) }
    }
    #expect(accepted > 0 && accepted < 1_000, "seed \(seed)")
  }

  /// Any JSON in any place of a Register or Plan message: an engine or an error with a field, never a crash.
  @Test(arguments: 0..<8)
  func wrongValuesInLowRateMessages(index: Int) throws {
    let seed = UInt64(10_000 + index)
    var random = SeededRandom(seed: seed)
    let register = try JSONValue(parsing: MessageTests.registerText)
    let step = try JSONValue(parsing: #"{"kv_free_blocks":[10],"names":["t"],"ready":[],"state":{"h":[]}}"#)
    for _ in 0..<400 {
      let broken = Self.replaceOne(in: ["register": register, "step": step], &random)
      do throws(CallError) { _ = try PlanRequest.decode(broken) } catch {
        #expect(error.code == .invalidArgument, "seed \(seed)")
        #expect(error.details["field"]?.stringValue != nil, "seed \(seed)")
        #expect(error.message.utf8.count < 2_000, "seed \(seed): \(error.message)")
      }
    }
  }

  private static func replaceOne(in value: JSONValue, _ random: inout SeededRandom) -> JSONValue {
    let stops = Int.random(in: 0..<5, using: &random) == 0
    if !stops, case .object(var object) = value, !object.isEmpty {
      let i = Int.random(in: 0..<object.members.count, using: &random)
      object.members[i].value = replaceOne(in: object.members[i].value, &random)
      return .object(object)
    }
    if !stops, case .array(var elements) = value, !elements.isEmpty {
      let i = Int.random(in: 0..<elements.count, using: &random)
      elements[i] = replaceOne(in: elements[i], &random)
      return .array(elements)
    }
    let extremes: [JSONValue] = [
      .integer(.max), .integer(.min), .unsigned(.max), .integer(-1), .integer(0), .number(1e300), .number(-0.5), "",
      .string(String(repeating: "x", count: 10_000)), [], [:],
    ]
    return Bool.random(using: &random)
      ? extremes.randomElement(using: &random)! : StrictJSONTests.randomValue(depth: 2, &random)
  }

  // MARK: - The envelope's own limits

  private func parse(_ text: String, limits: WireLimits = WireLimits()) throws -> RequestEnvelope {
    try Array(text.utf8).withUnsafeBytes { try RequestEnvelope.parse($0, limits: limits) }
  }

  /// Depth counts from the frame's outermost brace, so a message starts one level down.
  @Test func depthCountsTheEnvelope() throws {
    func nested(_ levels: Int) -> String {
      let open = String(repeating: "[", count: levels - 2)
      return #"{"id":1,"method":"m","message":{"a":\#(open)\#(String(repeating: "]", count: levels - 2))}}"#
    }
    _ = try parse(nested(64))
    #expect(throws: EnvelopeError.self) { try parse(nested(65)) }
    _ = try parse(nested(5), limits: WireLimits(depth: 5))
    #expect(throws: EnvelopeError.self) { try parse(nested(6), limits: WireLimits(depth: 5)) }
  }

  @Test func duplicatesDeepInTheMessageAreTheEnvelopesError() {
    let error = #expect(throws: EnvelopeError.self) {
      try parse(#"{"id":9,"method":"m","message":{"a":[{"k":1,"\u006b":2}]}}"#)
    }
    #expect(error?.id == 9)
    #expect(error?.error.details["field"] == "/message/a/0/k")
  }

  @Test func metadataHasALimit() throws {
    func metadata(_ count: Int) -> String {
      let pairs = (0..<count).map { "\"k\($0)\":\"v\"" }.joined(separator: ",")
      return "{\"id\":1,\"method\":\"m\",\"metadata\":{\(pairs)}}"
    }
    #expect(try parse(metadata(RequestEnvelope.metadataMax)).metadata.count == RequestEnvelope.metadataMax)
    #expect(throws: EnvelopeError.self) { try parse(metadata(RequestEnvelope.metadataMax + 1)) }
  }

  @Test func aLongMethodNameIsCut() throws {
    let name = String(repeating: "m", count: 1_000_000)
    guard case .unknown(let kept) = try parse("{\"id\":1,\"method\":\"\(name)\"}").method else {
      Issue.record("known?")
      return
    }
    #expect(kept.utf8.count < 100)
  }

  @Test func namesOfMethodsAreExact() throws {
    for name in [
      "coxswain.v1.scheduler/step", "/coxswain.v1.Scheduler/Step", "coxswain.v1.Scheduler/Step ", "Step", "",
    ] {
      #expect(try parse("{\"id\":1,\"method\":\"\(name)\"}").method == .unknown(name))
    }
    #expect(try parse(#"{"id":1,"method":"coxswain.v1.Scheduler\/Step"}"#).method == .known(.step))
    #expect(try parse(#"{"id":1,"method":"coxswain.v1.Policy\u002fGet"}"#).method == .known(.policyGet))
  }

  @Test func requestsReadBack() throws {
    var writer = JSONWriter()
    RequestWriter.write(id: .max, method: WireMethod.status.rawValue, timeoutUs: 5, into: &writer) {
      $0.beginObject()
      $0.endObject()
    }
    let envelope = try writer.payload.withUnsafeBytes { try RequestEnvelope.parse($0) }
    #expect(envelope.id == .max && envelope.method == .known(.status) && envelope.timeoutUs == 5)
    writer.removeAll()
    RequestWriter.writeCancel(id: 3, into: &writer)
    let length = try writer.bytes.withUnsafeBytes { try FrameHeader.payloadLength($0) }
    #expect(length == writer.payload.count)
    #expect(try writer.payload.withUnsafeBytes { try RequestEnvelope.parse($0) }.isCancel)
  }
}
