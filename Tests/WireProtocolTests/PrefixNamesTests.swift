import SchedulerCore
import Testing

@testable import WireProtocol

/// Names of prefixes on the wire: columns of an arrival, a plan's lists, what Register says, and what peers that do not
/// know them see.
struct PrefixNamesTests {
  private static let head = #""epoch":1,"seq":1,"now_us":1,"kv_free_blocks":[9]"#
  private static let arrival =
    #""h":[1,2],"id":["a","b"],"tenant":[0,0],"class":[0,0],"prompt":[64,9],"max_output":[1,1],"age_us":[0,0]"#

  private func decode(_ text: String) throws(StepRejection) -> StepDelta {
    var delta = StepDelta()
    let rejection = Array(text.utf8).withUnsafeBytes { bytes -> StepRejection? in
      do throws(StepRejection) {
        try StepCodec().decode(bytes, into: &delta)
        return nil
      } catch { return error }
    }
    if let rejection { throw rejection }
    return delta
  }

  private func field(_ text: String) -> String? {
    do throws(StepRejection) {
      _ = try decode(text)
      return nil
    } catch { return error.field }
  }

  @Test func columnsReadBack() throws {
    let text = """
      {\(Self.head),"kv_cached_blocks":[4],"arrived":{\(Self.arrival),"prefix":["00000000000000a7ffffffffffffffff",""],
      "tier_tokens":[32,0]}}
      """
    let delta = try decode(text)
    #expect(delta.kvCachedBlocks == [4])
    #expect(delta.arrived.prefixKeys == [0xa7, .max])
    #expect(delta.arrived.prefixEnd == [2, 2])
    #expect(Array(delta.arrived.keys(of: 0)) == [0xa7, .max] && delta.arrived.keys(of: 1).isEmpty)
    #expect(delta.arrived.tierTokens == [32, 0])
    var writer = JSONWriter()
    StepCodec.encode(delta, into: &writer)
    #expect(try decode(String(decoding: writer.bytes, as: UTF8.self)) == delta)
  }

  @Test(arguments: [
    (#""prefix":["00000000000000a7"]"#, "/arrived/prefix"), (#""prefix":["7",""]"#, "/arrived/prefix/0"),
    (#""prefix":["","00000000000000A7"]"#, "/arrived/prefix/1"), (#""prefix":[7,""]"#, "/arrived/prefix/0"),
    (#""tier_tokens":[1]"#, "/arrived/tier_tokens"), (#""tier_tokens":[-1,0]"#, "/arrived/tier_tokens/0"),
  ])
  func brokenColumnsNameTheField(_ column: String, _ expected: String) {
    #expect(field("{\(Self.head),\"arrived\":{\(Self.arrival),\(column)}}") == expected)
  }

  @Test func aPromptHasOnlySoManyNames() {
    func step(_ keys: Int) -> String {
      let text = String(repeating: "00000000000000a7", count: keys)
      return "{\(Self.head),\"arrived\":{\(Self.arrival),\"prefix\":[\"\(text)\",\"\"]}}"
    }
    #expect(field(step(StepCodec.prefixKeysMax)) == nil)
    #expect(field(step(StepCodec.prefixKeysMax + 1)) == "/arrived/prefix/0")
  }

  @Test func randomKeysReadBack() throws {
    var random = SeededRandom(seed: 41)
    for _ in 0..<200 {
      var delta = StepDelta()
      delta.kvFreeBlocks = [1]
      for index in 0..<Int.random(in: 1...3, using: &random) {
        delta.arrived.h.append(RequestHandle(index))
        delta.arrived.id.append("r\(index)")
        delta.arrived.tenant.append(0)
        delta.arrived.requestClass.append(0)
        delta.arrived.prompt.append(512)
        delta.arrived.maxOutput.append(1)
        delta.arrived.ageUs.append(0)
        let count = Int.random(in: 0...5, using: &random)
        for _ in 0..<count { delta.arrived.prefixKeys.append(.random(in: 0 ... .max, using: &random)) }
        delta.arrived.prefixEnd.append(delta.arrived.prefixKeys.count)
      }
      var writer = JSONWriter()
      StepCodec.encode(delta, into: &writer)
      #expect(try decode(String(decoding: writer.bytes, as: UTF8.self)) == delta, "seed 41")
    }
  }

  @Test func aPlansListsReadBack() throws {
    var plan = StepPlan()
    var cache = CachePlan(watermarkBlocks: [5])
    cache.evict = [0, .max]
    cache.pin = [0x0123_4567_89ab_cdef]
    cache.unpin = [1]
    cache.prefetch = [3, 2]
    plan.cache = cache
    var writer = JSONWriter()
    StepReplyCodec.encode(epoch: 1, seq: 2, plan: plan, into: &writer)
    var read = StepReply()
    try writer.bytes.withUnsafeBytes { try read.decode($0) }
    var made = StepReply()
    made.set(plan, epoch: 1, seq: 2)
    #expect(read == made)
    #expect(read.evict == [0, .max] && read.pin == [0x0123_4567_89ab_cdef])
    #expect(read.unpin == [1] && read.prefetch == [3, 2])
  }

  @Test(arguments: [
    #"{"evict":["a7"]}"#, #"{"pin":[""]}"#, #"{"unpin":["00000000000000a700000000000000a7"]}"#, #"{"prefetch":[7]}"#,
  ])
  func aPlansListsHaveOneKeyEach(_ cache: String) {
    let text = #"{"epoch":1,"seq":2,"plan":{"cache":\#(cache)}}"#
    var reply = StepReply()
    #expect(throws: JSONError.self) { try Array(text.utf8).withUnsafeBytes { try reply.decode($0) } }
  }

  /// Without names a plan is what it was, to the byte.
  @Test func plansWithoutNamesAreAsBefore() {
    var plan = StepPlan()
    plan.cache = CachePlan(watermarkBlocks: [5])
    var writer = JSONWriter()
    StepReplyCodec.encode(epoch: 1, seq: 2, plan: plan, into: &writer)
    let text = String(decoding: writer.bytes, as: UTF8.self)
    #expect(text == #"{"epoch":1,"seq":2,"plan":{"cache":{"watermark_blocks":[5]}}}"#)
  }

  @Test func registerReadsBack() throws {
    var message = try #require(try JSONValue(parsing: MessageTests.registerText).objectValue)
    #expect(try RegisterMessage.decode(.object(message)).prefixCache == nil)
    message["prefix_cache"] = ["block_tokens": 64]
    #expect(try RegisterMessage.decode(.object(message)).prefixCache == .init(blockTokens: 64, tierBlocks: 0))
    message["prefix_cache"] = ["block_tokens": 64, "tier_blocks": 7]
    let engine = try RegisterMessage.decode(.object(message))
    #expect(engine.prefixCache == .init(blockTokens: 64, tierBlocks: 7))
    #expect(try RegisterMessage.decode(RegisterMessage.encode(engine)) == engine)
    #expect(!engine.takesPrefixVerbs)
  }

  @Test(arguments: [
    (#"{}"#, "/prefix_cache/block_tokens"), (#"{"block_tokens":0}"#, "/prefix_cache/block_tokens"),
    (#"{"block_tokens":24}"#, "/prefix_cache/block_tokens"),
    (#"{"block_tokens":32,"tier_blocks":-1}"#, "/prefix_cache/tier_blocks"), ("[]", "/prefix_cache"),
  ])
  func brokenPrefixCachesNameTheField(_ json: String, _ expected: String) throws {
    var message = try #require(try JSONValue(parsing: MessageTests.registerText).objectValue)
    message["prefix_cache"] = try JSONValue(parsing: json)
    let error = #expect(throws: CallError.self) { try RegisterMessage.decode(.object(message)) }
    #expect(error?.details["field"] == .string(expected))
  }

  /// Only an engine that can use them is offered the columns: all others get the reply that they know.
  @Test func onlyWhoTakesThemIsOfferedTheColumns() throws {
    let reply = {
      RegisterReply(
        session: "s", epoch: 1, applied: nil, policyGeneration: 1, mirrorLimits: MirrorLimits(), takesPrefixes: $0)
    }
    let old: JSONValue = ["launched", "settled", "state", "untracked_tokens", "spot"]
    #expect(reply(false).json["step_fields"] == old)
    let names = reply(true).json["step_fields"]?.arrayValue?.compactMap(\.stringValue)
    #expect(names?.suffix(3) == ["prefix", "tier_tokens", "kv_cached_blocks"])
    #expect(try RegisterReply.decode(reply(true).json).takesPrefixes)
    #expect(!(try RegisterReply.decode(reply(false).json).takesPrefixes))
  }
}
