import SchedulerCore
import Testing
import WireProtocol

@testable import Sidecar

/// The pieces of a recording, each against figures from elsewhere.
struct RecordingPartsTests {
  @Test func theChecksumIsZlibs() {
    let check = Array("123456789".utf8).withUnsafeBytes { CRC32.checksum($0) }
    #expect(check == 0xCBF4_3926)
    #expect([UInt8]().withUnsafeBytes { CRC32.checksum($0) } == 0)
  }

  /// The vectors of the reference implementation: key 00..0f, messages 00.. of the first lengths.
  @Test func theHashIsSipHash() {
    let hash = SipHash(key: (0x0706_0504_0302_0100, 0x0f0e_0d0c_0b0a_0908))
    func text(_ count: Int) -> String { String(decoding: (0..<UInt8(count)), as: UTF8.self) }
    #expect(hash.hash(text(0)) == 0x726f_db47_dd0e_0e31)
    #expect(hash.hash(text(1)) == 0x74f8_39c5_93dc_67fd)
    #expect(hash.hash(text(8)) == 0x93f5_f579_9a93_2462)
    #expect(hash.hash(text(15)) == 0xa129_ca61_49be_45e5)
  }

  private struct Odd: Codable, Hashable {
    enum Case: Codable, Hashable {
      case plain
      case numbers(Int, label: UInt64)
    }
    var small: Int8 = -7
    var large = UInt64.max
    var ratio = 0.1
    var tiny = Double.leastNonzeroMagnitude
    var whole = 3.0
    var half: Float = 0.1
    var endless = [Double.infinity, -.infinity]
    var none: Int?
    var some: String? = "ü\n\"\\\u{1}"
    var cases = [Case.plain, .numbers(-1, label: .max)]
    var sparse: [UInt32: Int32] = [5: 1, 9: 2]
    var nested: [[Bool]] = [[], [true, false]]
    var words = ContiguousArray(["a", ""])
  }

  @Test func stateSurvivesTheWayThroughText() throws {
    let odd = Odd()
    let json = try JSONValue(parsing: try StateEncoder.json(odd).text)
    #expect(try StateDecoder.decode(Odd.self, from: json) == odd)
  }

  @Test(arguments: [
    #"{"small":300}"#, #"{"small":"x"}"#, "[]", "{}", #"{"small":1,"large":-1}"#,
  ]) func wrongStateIsAnError(_ text: String) throws {
    let json = try JSONValue(parsing: text)
    #expect(throws: DecodingError.self) { try StateDecoder.decode(Odd.self, from: json) }
  }

  @Test func theBudgetIsNeverOverdrawn() {
    let budget = RecordingBudget(bytes: 100)
    #expect(budget.take(60))
    #expect(!budget.take(60))
    #expect(budget.take(40))
    budget.giveBack(60)
    #expect(budget.take(60))
  }

  /// Sessions without memory for a recording are served all the same.
  @Test func withoutMemoryNothingIsRecorded() throws {
    var limits = SidecarLimits()
    limits.recordingBytes = 0
    let conversation = Conversation(.forTests(limits: limits), limits: limits)
    try conversation.register()
    #expect(try conversation.step(epoch: 1_001, seq: 1, Conversation.arrival(1)).code == .ok)
    #expect(conversation.session.recording().isEmpty)
  }

  /// A Step of many chunks, and the ring's bound whatever comes.
  @Test func largeStepsStayWithinTheRing() throws {
    var limits = SidecarLimits()
    limits.recording = StepRecorder.Limits(bytes: 32 << 10, segments: 4, chunkBytes: 1 << 10)
    let conversation = Conversation(.forTests(limits: limits), limits: limits)
    try conversation.register()
    _ = try conversation.step(epoch: 1_001, seq: 1, Conversation.arrival(1))
    let padding = #""unknown":""# + String(repeating: "x", count: 5_000) + "\""
    for seq in 2..<200 {
      let members = #""launched":{"seq":\#(seq - 1),"mode":"none"}"#
      let reply = try conversation.step(
        epoch: 1_001, seq: seq, seq.isMultiple(of: 3) ? members + "," + padding : members)
      #expect(reply.code == .ok)
      let segments = conversation.session.recording()
      #expect(segments.reduce(0) { $0 + $1.byteCount } <= 32 << 10)
      guard seq.isMultiple(of: 40) else { continue }
      for segment in segments { #expect(try Replayer.run(segment) == segment.stepCount) }
    }
  }
}
