import SchedulerCore
import Testing

@testable import WireProtocol

/// Each limit of a Step: what just fits is read, one more is refused at its field.
struct StepLimitTests {
  private static let limits = MirrorLimits(running: 3, waiting: 4, arrivedPerStep: 2, names: 5, idBytes: 6)
  private static let head = #""epoch":1,"seq":2,"now_us":3,"kv_free_blocks":[4]"#

  private func decode(_ text: String, into delta: inout StepDelta) throws(StepRejection) {
    try Array(text.utf8).span.bytes.withUnsafeBytes { (bytes) throws(StepRejection) in
      try StepCodec(limits: Self.limits).decode(bytes, into: &delta)
    }
  }

  /// The field of the error, or nil when the Step is read.
  private func rejection(_ text: String) -> String? {
    var delta = StepDelta()
    do throws(StepRejection) {
      try decode(text, into: &delta)
      return nil
    } catch { return error.field }
  }

  private func step(_ members: String) -> String { "{\(Self.head),\(members)}" }

  private static func list(_ element: String, _ count: Int) -> String {
    "[\(repeatElement(element, count: count).joined(separator: ","))]"
  }

  @Test func handleColumns() {
    let most = Self.limits.running + Self.limits.waiting
    for member in ["ready"] {
      #expect(rejection(step("\"\(member)\":\(Self.list("1", most))")) == nil)
      #expect(rejection(step("\"\(member)\":\(Self.list("1", most + 1))")) == "/\(member)/\(most)")
    }
    for (member, why) in [("removed", "stop"), ("blocked", "grammar")] {
      func caused(_ count: Int) -> String {
        "\"\(member)\":{\"h\":\(Self.list("1", count)),\"why\":\(Self.list("\"\(why)\"", count))}"
      }
      #expect(rejection(step(caused(most))) == nil)
      #expect(rejection(step(caused(most + 1))) == "/\(member)/h/\(most)")
    }
    func state(_ count: Int) -> String {
      let column = Self.list("1", count)
      return "\"state\":{\"computed\":\(column),\"output\":\(column),\"running\":\(column),\"h\":\(column)}"
    }
    #expect(rejection(step(state(most))) == nil)
    #expect(rejection(step(state(most + 1))) == "/state/computed/\(most)")
    let digits = String(repeating: "1", count: most)
    #expect(rejection(step("\"launched\":{\"seq\":1,\"drafted\":\"\(digits)\"}")) == nil)
    #expect(rejection(step("\"launched\":{\"seq\":1,\"drafted\":\"\(digits)1\"}")) == "/launched/drafted")
  }

  @Test func arrivalsAndNames() {
    func arrived(_ count: Int, id: String = "r") -> String {
      let zeros = Self.list("0", count)
      let ones = Self.list("1", count)
      return
        "\"arrived\":{\"id\":\(Self.list("\"\(id)\"", count)),\"h\":\(ones),\"tenant\":\(zeros),\"class\":\(zeros),"
        + "\"prompt\":\(ones),\"max_output\":\(zeros),\"age_us\":\(zeros)}"
    }
    #expect(rejection(step(arrived(2))) == nil)
    #expect(rejection(step(arrived(3))) == "/arrived/id/2")
    // Bytes count, not characters: three letters of two bytes fill the six.
    #expect(rejection(step(arrived(1, id: "ééé"))) == nil)
    #expect(rejection(step(arrived(1, id: "éééa"))) == "/arrived/id/0")
    #expect(rejection(step("\"names\":\(Self.list("\"abcdef\"", 5))")) == nil)
    #expect(rejection(step("\"names\":\(Self.list("\"a\"", 6))")) == "/names/5")
    #expect(rejection(step("\"names\":[\"a\",\"abcdefg\"]")) == "/names/1")
  }

  @Test func poolsSettlementsAndCounts() {
    func pools(_ count: Int) -> String {
      "{\"epoch\":1,\"seq\":2,\"now_us\":3,\"kv_free_blocks\":\(Self.list("1", count))}"
    }
    #expect(rejection(pools(StepCodec.poolsMax)) == nil)
    #expect(rejection(pools(StepCodec.poolsMax + 1)) == "/kv_free_blocks/64")
    let settled = "{\"seq\":1,\"elapsed_us\":1}"
    #expect(rejection(step("\"settled\":\(Self.list(settled, StepCodec.settledMax))")) == nil)
    #expect(rejection(step("\"settled\":\(Self.list(settled, StepCodec.settledMax + 1))")) == "/settled/16")
    func computed(_ value: Int) -> String {
      step("\"state\":{\"h\":[1],\"computed\":[\(value)],\"output\":[0],\"running\":[0]}")
    }
    #expect(rejection(computed(StepCodec.countMax)) == nil)
    #expect(rejection(computed(StepCodec.countMax + 1)) == "/state/computed/0")
    #expect(rejection(step("\"check\":[1,2,3,4,5]")) == nil)
    #expect(rejection(step("\"check\":[1,2,3,4,5,6]")) == "/check/5")
    #expect(rejection(step("\"spot\":[4294967296,0,0,0,0]")) == "/spot/0")
  }

  @Test(arguments: [
    ("\"ready\":[1],\"ready\":[2]", "/ready"), ("\"ready\":[1],\"\\u0072eady\":[2]", "/ready"),
    ("\"state\":{\"h\":[],\"computed\":[],\"output\":[],\"running\":[],\"h\":[]}", "/state/h"),
    ("\"settled\":[{\"seq\":1,\"elapsed_us\":1,\"seq\":1}]", "/settled/0/seq"),
    ("\"future\":{\"a\":{\"b\":1,\"\\u0062\":2}}", "/future/a/b"), ("\"future\":[1,]", "/future/1"),
    ("\"future\":01", "/future"), ("\"future\":\"\\ud800\"", "/future"), ("\"future\":[1,{\"x\":nul}]", "/future/1/x"),
    ("\"launched\":{\"seq\":1,\"mode\":\"fallback\",\"x\":{\"h\":[],\"n\":[],\"why\":[]}}", "/launched/x"),
    ("\"launched\":{\"seq\":1,\"mode\":\"none\",\"drafted\":\"0\"}", "/launched/drafted"),
    ("\"launched\":{\"seq\":1,\"mode\":\"maybe\"}", "/launched/mode"),
    ("\"launched\":{\"seq\":1,\"x\":{\"h\":[1],\"n\":[1],\"why\":[\"cached\",\"kv\"]}}", "/launched/x/why"),
    ("\"untracked_tokens\":{\"tenant\":[0],\"tokens\":[]}", "/untracked_tokens/tokens"),
    ("\"sync\":1", "/sync"), ("\"removed\":null", "/removed"),
  ])
  func refusalsNameTheMember(_ members: String, _ field: String) {
    #expect(rejection(step(members)) == field)
  }

  @Test func bytesAfterTheMessageAreRefused() {
    #expect(rejection("{\(Self.head)}") == nil)
    #expect(rejection("{\(Self.head)} \n") == nil)
    #expect(rejection("{\(Self.head)},") == "")
    #expect(rejection("{\(Self.head)}{}") == "")
    #expect(rejection("") == "")
  }

  /// An escaped spelling of a known member is that member.
  @Test func escapedNamesAreTheSameNames() throws {
    var delta = StepDelta()
    try decode(#"{"\u0065poch":1,"s\u0065q":2,"now\u005fus":3,"kv_free_blocks":[4],"read\u0079":[7]}"#, into: &delta)
    #expect(delta.epoch == 1 && delta.seq == 2 && delta.nowUs == 3 && delta.ready == [7])
  }

  @Test func nothingOfAnEarlierOrRefusedStepStays() throws {
    var delta = StepDelta()
    let full = step("\"ready\":[1,2],\"names\":[\"a\"],\"spot\":[1,2,3,1,0],\"check\":[1,2,3,4,5],\"sync\":true")
    try decode(full, into: &delta)
    #expect(throws: StepRejection.self) { try decode(step("\"ready\":[1,2,-1]"), into: &delta) }
    try decode("{\(Self.head)}", into: &delta)
    var expected = StepDelta()
    expected.epoch = 1
    expected.seq = 2
    expected.nowUs = 3
    expected.kvFreeBlocks = [4]
    #expect(delta == expected)
  }

  /// Hot path: a column that was filled once is filled again in place.
  @Test func columnsKeepTheirStorage() throws {
    var delta = StepDelta()
    let text = step(
      "\"ready\":[1,2,3],\"settled\":[{\"seq\":1,\"elapsed_us\":5,\"accepted\":\"012\"}],\"state\":{\"h\":[1,2],"
        + "\"computed\":[1,2],\"output\":[1,2],\"running\":[1,0]}")
    func addresses() -> [UnsafeRawPointer?] {
      [
        delta.ready.withUnsafeBytes(\.baseAddress), delta.settled.seq.withUnsafeBytes(\.baseAddress),
        delta.settled.accepted.withUnsafeBytes(\.baseAddress), delta.state.computed.withUnsafeBytes(\.baseAddress),
        delta.state.running.withUnsafeBytes(\.baseAddress), delta.kvFreeBlocks.withUnsafeBytes(\.baseAddress),
      ]
    }
    try decode(text, into: &delta)
    let before = addresses()
    try decode("{\(Self.head)}", into: &delta)
    try decode(text, into: &delta)
    #expect(addresses() == before)
  }
}
