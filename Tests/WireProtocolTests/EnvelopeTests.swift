import SchedulerCore
import Testing

@testable import WireProtocol

struct EnvelopeTests {
  private func parse(_ text: String) throws -> RequestEnvelope {
    let bytes = Array(text.utf8)
    return try bytes.withUnsafeBytes { try RequestEnvelope.parse($0) }
  }

  @Test func membersComeInAnyOrderAndUnknownOnesAreIgnored() throws {
    let text =
      #"{"message":{"a":[1]},"future":{"x":null},"timeout_us":2000,"metadata":{"k":"v"},"method":"coxswain.v1.Scheduler/Step","id":7}"#
    let envelope = try parse(text)
    #expect(envelope.id == 7)
    #expect(envelope.method == .known(.step))
    #expect(envelope.timeoutUs == 2000)
    #expect(envelope.metadata == ["k": "v"])
    #expect(String(decoding: Array(text.utf8)[envelope.message], as: UTF8.self) == #"{"a":[1]}"#)
  }

  @Test func cancelNeedsNoMethod() throws {
    let envelope = try parse(#"{"id":18446744073709551615,"cancel":true}"#)
    #expect(envelope.isCancel)
    #expect(envelope.id == .max)
  }

  @Test func everyMethodIsRecognisedByItsName() throws {
    for method in WireMethod.allCases {
      #expect(try parse(#"{"id":1,"method":"\#(method.rawValue)"}"#).method == .known(method))
    }
    #expect(
      try parse(#"{"id":1,"method":"coxswain.v1.Quota/Reserve"}"#).method == .unknown("coxswain.v1.Quota/Reserve"))
  }

  @Test(arguments: [
    (#"{"method":"x"}"#, 0, "/id"), (#"{"id":3}"#, 3, "/method"), (#"{"id":-1,"method":"x"}"#, 0, "/id"),
    (#"{"id":"1","method":"x"}"#, 0, "/id"), (#"{"id":4,"method":7}"#, 4, "/method"),
    (#"{"id":4,"method":"x","timeout_us":-5}"#, 4, "/timeout_us"),
    (#"{"id":5,"method":"x","message":[]}"#, 5, "/message"),
    (#"{"id":6,"method":"x","metadata":{"a":1}}"#, 6, "/metadata/a"), (#"[1]"#, 0, ""), ("nonsense", 0, ""),
    (#"{"id":7,"method":"x","id":8}"#, 7, "/id"),
  ])
  func brokenEnvelopesSayWhatIsWrong(_ text: String, _ id: UInt64, _ field: String) throws {
    do {
      _ = try parse(text)
      Issue.record("accepted \(text)")
    } catch let error as EnvelopeError {
      #expect(error.id == id)
      #expect(error.error.code == .invalidArgument)
      #expect(error.error.details["field"] == .string(field))
    }
  }

  @Test func framesHaveAFlagAndALengthLimit() throws {
    func length(_ bytes: [UInt8]) throws -> Int {
      try bytes.withUnsafeBytes { try FrameHeader.payloadLength($0) }
    }
    #expect(try length([0, 0, 0, 1, 2]) == 258)
    #expect(try length([0, 0, 0x40, 0, 0]) == 4 << 20)
    #expect(throws: CallError.self) { try length([0, 0, 0x40, 0, 1]) }
    let tooLong = #expect(throws: CallError.self) { try length([0, 0xFF, 0xFF, 0xFF, 0xFF]) }
    #expect(tooLong?.code == .resourceExhausted)
    let compressed = #expect(throws: CallError.self) { try length([1, 0, 0, 0, 2]) }
    #expect(compressed?.code == .unimplemented)
  }

  @Test func repliesReadBack() throws {
    var writer = JSONWriter()
    ReplyEnvelope.write(id: 9, message: ["a": 1], into: &writer)
    var reply = try writer.payload.withUnsafeBytes { try Reply.parse($0) }
    #expect(reply == Reply(id: 9, code: .ok, message: ["a": 1], error: nil))
    writer.removeAll()
    let error = CallError.resync(StepRejection(field: "/check/3", reason: "check differs"), retryAfterMs: 4)
    ReplyEnvelope.write(id: 10, error: error, into: &writer)
    #expect(writer.bytes[4] == UInt8(writer.payload.count))
    reply = try writer.payload.withUnsafeBytes { try Reply.parse($0) }
    #expect(reply.error == error)
    #expect(reply.code == .failedPrecondition)
  }
}
