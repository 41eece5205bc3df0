import SchedulerCore
import Testing

@testable import WireProtocol

/// The schemas are compared with `MessageField`; here `MessageField` is compared with what the decoders really read.
struct FieldDriftTests {
  /// A number that no member takes: not an integer, not a string, not an object.
  private static let wrong: JSONValue = -0.5
  private static let unknown = "not_a_member"

  private func stepRejection(_ members: JSONObject) -> String? {
    var step: JSONObject = ["epoch": 1, "seq": 2, "now_us": 3, "kv_free_blocks": [4]]
    for member in members.members { step[member.name] = member.value }
    var delta = StepDelta()
    return Array(JSONValue.object(step).text.utf8).withUnsafeBytes { bytes in
      do throws(StepRejection) {
        try StepCodec().decode(bytes, into: &delta)
        return nil
      } catch { return error.field }
    }
  }

  /// `field` with a wrong value in `object`, which lies at `path` of a Step.
  private func expectRead(_ field: String, in object: JSONObject, at path: String, _ wrap: (JSONValue) -> JSONObject) {
    var broken = object
    broken[field] = Self.wrong
    #expect(stepRejection(wrap(.object(broken))) == "\(path)/\(field)")
    var extended = object
    extended[Self.unknown] = Self.wrong
    #expect(stepRejection(wrap(.object(extended))) == nil)
  }

  @Test(arguments: MessageField.Step.allCases)
  func stepMembersAreRead(_ field: MessageField.Step) {
    #expect(stepRejection([field.rawValue: Self.wrong]) == "/\(field.rawValue)")
    #expect(stepRejection([Self.unknown: Self.wrong]) == nil)
  }

  @Test(arguments: MessageField.Arrival.allCases)
  func arrivalMembersAreRead(_ field: MessageField.Arrival) {
    var columns = JSONObject(
      ["h", "id", "tenant", "class", "prompt", "max_output", "age_us"].map { JSONObject.Member($0, []) })
    columns[field.rawValue] = []
    expectRead(field.rawValue, in: columns, at: "/arrived") { ["arrived": $0] }
  }

  @Test(arguments: MessageField.Launched.allCases)
  func launchedMembersAreRead(_ field: MessageField.Launched) {
    expectRead(field.rawValue, in: ["seq": 1], at: "/launched") { ["launched": $0] }
  }

  @Test(arguments: MessageField.Settled.allCases)
  func settledMembersAreRead(_ field: MessageField.Settled) {
    expectRead(field.rawValue, in: ["seq": 1, "elapsed_us": 2], at: "/settled/0") { ["settled": [$0]] }
  }

  /// `why` says something to people only: any JSON.
  @Test(arguments: MessageField.State.allCases.filter { $0 != .why })
  func stateMembersAreRead(_ field: MessageField.State) {
    let columns: JSONObject = ["h": [], "computed": [], "output": [], "running": []]
    expectRead(field.rawValue, in: columns, at: "/state") { ["state": $0] }
  }

  /// Placement and reasons go on to people as they are.
  @Test(arguments: MessageField.Plan.allCases.filter { $0 != .placement && $0 != .reasons })
  func planMembersAreRead(_ field: MessageField.Plan) {
    let text = #"{"epoch":1,"seq":2,"plan":{"\#(field.rawValue)":-0.5}}"#
    var reply = StepReply()
    let error = #expect(throws: JSONError.self) { try Array(text.utf8).withUnsafeBytes { try reply.decode($0) } }
    #expect(error?.pointer == "/plan/\(field.rawValue)")
  }

  @Test(arguments: MessageField.Register.allCases)
  func registerMembersAreRead(_ field: MessageField.Register) throws {
    var message = try #require(try JSONValue(parsing: MessageTests.registerText).objectValue)
    message[Self.unknown] = Self.wrong
    _ = try RegisterMessage.decode(.object(message))
    message[field.rawValue] = Self.wrong
    let error = #expect(throws: CallError.self) { try RegisterMessage.decode(.object(message)) }
    #expect(error?.details["field"] == .string("/\(field.rawValue)"))
  }

  @Test func repliesHaveExactlyTheirMembers() {
    let reply = RegisterReply(
      session: "s-1", epoch: 7, applied: nil, policyGeneration: 2, mirrorLimits: MirrorLimits())
    #expect(reply.json.objectValue?.names == MessageField.RegisterReply.allCases.map(\.rawValue))
  }

  @Test(arguments: MessageField.PlanRequest.allCases.filter { $0 != .policy })
  func planRequestMembersAreRead(_ field: MessageField.PlanRequest) throws {
    var message: JSONObject = [
      "register": try JSONValue(parsing: MessageTests.registerText), "step": ["kv_free_blocks": [1]],
      "policy": ["preset": "x"],
    ]
    #expect(try PlanRequest.decode(.object(message)).policy == ["preset": "x"])
    message[field.rawValue] = Self.wrong
    let error = #expect(throws: CallError.self) { try PlanRequest.decode(.object(message)) }
    #expect(error?.details["field"] == .string("/\(field.rawValue)"))
  }

  @Test func everyVerbIsReadAndWritten() throws {
    for (name, verb) in Capabilities.named {
      var message = try #require(try JSONValue(parsing: MessageTests.registerText).objectValue)
      message["capabilities"] = [.string(name)]
      let engine = try RegisterMessage.decode(.object(message))
      #expect(engine.capabilities == verb)
      #expect(RegisterMessage.encode(engine)["capabilities"] == [.string(name)])
    }
  }

  @Test func everyStatusCodeTravels() throws {
    #expect(StatusCode.allCases.count == 17)
    for code in StatusCode.allCases where code != .ok {
      var writer = JSONWriter()
      ReplyEnvelope.write(id: 1, error: CallError(code, "m", details: ["field": "/a"]), into: &writer)
      let reply = try writer.payload.withUnsafeBytes { try Reply.parse($0) }
      #expect(reply.error == CallError(code, "m", details: ["field": "/a"]))
    }
  }

  @Test func streamItemsHaveNoStatus() throws {
    var writer = JSONWriter()
    ReplyEnvelope.write(id: 4, item: ["a": 1], into: &writer)
    let first = writer.payload.count
    ReplyEnvelope.write(id: 4, message: [:], into: &writer)
    let item = try Array(writer.payload.prefix(first)).withUnsafeBytes { try Reply.parse($0) }
    #expect(item.code == nil && item.error == nil && item.message == ["a": 1])
  }
}
