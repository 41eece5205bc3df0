import SchedulerCore
import Testing

@testable import WireProtocol

struct StepCodecTests {
  private func decode(_ text: String, limits: MirrorLimits = MirrorLimits()) throws -> StepDelta {
    var delta = StepDelta()
    let bytes = Array(text.utf8)
    try bytes.withUnsafeBytes { try StepCodec(limits: limits).decode($0, into: &delta) }
    return delta
  }

  private let head = #""epoch":18446744073709551615,"seq":3,"now_us":5,"kv_free_blocks":[7,8]"#

  @Test func aFullStepFillsItsColumns() throws {
    let delta = try decode(
      """
      {\(head),"names":["acme","chat"],"arrived":{"h":[1,4294967295],"id":["a","b"],"tenant":[0,0],"class":[1,1],
      "prompt":[10,20],"max_output":[5,6],"age_us":[-3,4],"adapter":[-1,1]},"launched":{"seq":2,"x":{"h":[9],"n":[4],
      "why":["cached"]},"drafted":"0z"},"settled":[{"seq":1,"elapsed_us":11,"accepted":"1a"},{"seq":2,"elapsed_us":12}],
      "state":{"h":[9],"computed":[100],"output":[2],"running":[1],"why":["x"]},"removed":{"h":[8],"why":["stop"]},
      "blocked":{"h":[1],"why":["grammar"]},"ready":[9],"untracked_tokens":{"tenant":[0],"tokens":[77]},
      "check":[1,2,3,4,5],"spot":[9,100,2,1,0],"sync":true,"unknown":{"deep":[1]}}
      """)
    #expect(delta.epoch == .max)
    #expect(delta.kvFreeBlocks == [7, 8])
    #expect(delta.arrived.h == [1, .max])
    #expect(delta.arrived.ageUs == [-3, 4])
    #expect(delta.arrived.adapter == [-1, 1])
    #expect(delta.launched.seq == 2)
    #expect(delta.launched.why == [.cached])
    #expect(delta.launched.drafted == [0, 35])
    #expect(delta.settled.acceptedEnd == [2, 2])
    #expect(delta.settled.accepted == [1, 10])
    #expect(delta.state.running == [true])
    #expect(delta.removedWhy == [.stop])
    #expect(delta.untrackedTokens == [77])
    #expect(delta.check == .init(running: 1, waiting: 2, blocked: 3, computed: 4, output: 5))
    #expect(delta.spot == .init(h: 9, computed: 100, output: 2, running: true, blocked: false))
    #expect(delta.sync)
  }

  @Test(arguments: [
    (#"{"seq":1,"now_us":1,"kv_free_blocks":[1]}"#, "/epoch"),
    (#"{"epoch":1,"seq":1,"now_us":1}"#, "/kv_free_blocks"),
    (#"{"epoch":1,"seq":1,"now_us":1,"kv_free_blocks":[1,-1]}"#, "/kv_free_blocks/1"),
    (#"{"epoch":1,"seq":1.0,"now_us":1,"kv_free_blocks":[1]}"#, "/seq"),
    (#"{"epoch":1,"seq":1,"now_us":1,"kv_free_blocks":[1],"ready":[4294967296]}"#, "/ready/0"),
    (#"{"epoch":1,"seq":1,"now_us":1,"kv_free_blocks":[1],"arrived":{"h":[1],"id":[]}}"#, "/arrived/id"),
    (
      #"{"epoch":1,"seq":1,"now_us":1,"kv_free_blocks":[1],"arrived":{"h":[1],"id":["a"],"tenant":[0],"class":[0],"prompt":[0],"max_output":[1],"age_us":[0]}}"#,
      "/arrived/prompt/0"
    ),
    (#"{"epoch":1,"seq":1,"now_us":1,"kv_free_blocks":[1],"removed":{"h":[1],"why":["bored"]}}"#, "/removed/why/0"),
    (#"{"epoch":1,"seq":1,"now_us":1,"kv_free_blocks":[1],"removed":{"h":[1,2],"why":["stop"]}}"#, "/removed/why"),
    (#"{"epoch":1,"seq":1,"now_us":1,"kv_free_blocks":[1],"launched":{"mode":"none"}}"#, "/launched/seq"),
    (
      #"{"epoch":1,"seq":1,"now_us":1,"kv_free_blocks":[1],"launched":{"seq":0,"mode":"fallback","h":[1],"n":[]}}"#,
      "/launched/n"
    ),
    (#"{"epoch":1,"seq":1,"now_us":1,"kv_free_blocks":[1],"launched":{"seq":0,"h":[1],"n":[1]}}"#, "/launched/h"),
    (#"{"epoch":1,"seq":1,"now_us":1,"kv_free_blocks":[1],"settled":[{"seq":1}]}"#, "/settled/0/elapsed_us"),
    (
      #"{"epoch":1,"seq":1,"now_us":1,"kv_free_blocks":[1],"settled":[{"seq":1,"elapsed_us":1,"accepted":"0A"}]}"#,
      "/settled/0/accepted"
    ),
    (#"{"epoch":1,"seq":1,"now_us":1,"kv_free_blocks":[1],"check":[1,2,3,4]}"#, "/check"),
    (#"{"epoch":1,"seq":1,"now_us":1,"kv_free_blocks":[1],"spot":[1,2,3,2,0]}"#, "/spot/3"),
    (#"{"epoch":1,"seq":1,"now_us":1,"kv_free_blocks":[1],"seq":2}"#, "/seq"),
    (#"[]"#, ""),
  ])
  func brokenStepsNameTheField(_ text: String, _ field: String) {
    let error = #expect(throws: StepRejection.self) { try decode(text) }
    #expect(error?.field == field)
  }

  @Test func columnsHaveLimits() {
    let handles = (0..<3).map(String.init).joined(separator: ",")
    let limits = MirrorLimits(running: 1, waiting: 1, arrivedPerStep: 2)
    #expect(throws: StepRejection.self) { try decode("{\(head),\"ready\":[\(handles)]}", limits: limits) }
    #expect(throws: StepRejection.self) { try decode("{\(head),\"arrived\":{\"h\":[\(handles)]}}", limits: limits) }
    let name = String(repeating: "x", count: 257)
    #expect(throws: StepRejection.self) { try decode("{\(head),\"names\":[\"\(name)\"]}") }
  }

  @Test(arguments: 0..<30)
  func randomStepsReadBackEqual(index: Int) throws {
    let seed = UInt64(3_000 + index)
    var random = SeededRandom(seed: seed)
    for _ in 0..<50 {
      let delta = Self.randomDelta(&random)
      var writer = JSONWriter()
      StepCodec.encode(delta, into: &writer)
      #expect(try decode(String(decoding: writer.bytes, as: UTF8.self)) == delta, "seed \(seed)")
    }
  }

  /// Cuts and flipped bytes: never a crash, and what is accepted still encodes.
  @Test(arguments: 0..<8)
  func mutatedStepsNeverCrash(index: Int) {
    let seed = UInt64(4_000 + index)
    var random = SeededRandom(seed: seed)
    var accepted = 0
    for _ in 0..<500 {
      var writer = JSONWriter()
      StepCodec.encode(Self.randomDelta(&random), into: &writer)
      var bytes = writer.bytes
      if Bool.random(using: &random) { bytes.removeLast(Int.random(in: 0..<bytes.count, using: &random)) }
      for _ in 0..<Int.random(in: 0...3, using: &random) where !bytes.isEmpty {
        bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
      }
      var delta = StepDelta()
      let isAccepted = bytes.withUnsafeBytes { buffer in
        do throws(StepRejection) {
          try StepCodec().decode(buffer, into: &delta)
          return true
        } catch { return false }
      }
      if isAccepted { accepted += 1 }
    }
    #expect(accepted > 0 && accepted < 500, "seed \(seed)")
  }

  static func randomDelta(_ random: inout SeededRandom) -> StepDelta {
    func ints(_ count: Int, _ range: ClosedRange<Int>, _ random: inout SeededRandom) -> [Int] {
      (0..<count).map { _ in Int.random(in: range, using: &random) }
    }
    func handles(_ count: Int, _ random: inout SeededRandom) -> [RequestHandle] {
      (0..<count).map { _ in RequestHandle.random(in: 0 ... .max, using: &random) }
    }
    func size(_ random: inout SeededRandom) -> Int { Int.random(in: 0...4, using: &random) }
    var delta = StepDelta()
    delta.epoch = .random(in: 0 ... .max, using: &random)
    delta.seq = .random(in: 1...1_000_000, using: &random)
    delta.nowUs = .random(in: 0...(1 << 60), using: &random)
    delta.sync = Bool.random(using: &random)
    delta.kvFreeBlocks = ints(2, 0...100_000, &random)
    delta.names = (0..<size(&random)).map { _ in StrictJSONTests.randomText(&random) }
    let count = size(&random)
    delta.arrived.h = handles(count, &random)
    delta.arrived.id = (0..<count).map { _ in StrictJSONTests.randomText(&random) }
    delta.arrived.tenant = ints(count, 0...9, &random)
    delta.arrived.requestClass = ints(count, 0...9, &random)
    delta.arrived.prompt = ints(count, 1...9_000, &random)
    delta.arrived.maxOutput = ints(count, 0...9_000, &random)
    delta.arrived.ageUs = ints(count, -9_000...9_000, &random).map(Int64.init)
    if Bool.random(using: &random) { delta.arrived.cachedTokens = ints(count, 0...9_000, &random) }
    delta.launched.seq = .random(in: 1...9, using: &random)
    delta.launched.mode = StepDelta.Launched.Mode.allCases.randomElement(using: &random)!
    if delta.launched.mode != .none {
      delta.launched.h = handles(size(&random), &random)
      delta.launched.n = ints(delta.launched.h.count, 0...900, &random)
    }
    if delta.launched.mode == .plan {
      delta.launched.why = delta.launched.h.map { _ in .allCases.randomElement(using: &random)! }
      delta.launched.hasDrafted = Bool.random(using: &random)
      if delta.launched.hasDrafted { delta.launched.drafted = ints(3, 0...35, &random).map(UInt8.init) }
    }
    if delta.launched.mode == .fallback { delta.launched.iterations = 3 }
    for _ in 0..<Int.random(in: 0...3, using: &random) {
      delta.settled.seq.append(.random(in: 0...99, using: &random))
      delta.settled.elapsedUs.append(.random(in: 0...99_999, using: &random))
      delta.settled.accepted += ints(size(&random), 0...35, &random).map(UInt8.init)
      delta.settled.acceptedEnd.append(delta.settled.accepted.count)
    }
    delta.state.h = handles(size(&random), &random)
    delta.state.computed = ints(delta.state.h.count, 0...9_999, &random)
    delta.state.output = ints(delta.state.h.count, 0...9_999, &random)
    delta.state.running = delta.state.h.map { _ in Bool.random(using: &random) }
    delta.removed = handles(size(&random), &random)
    delta.removedWhy = delta.removed.map { _ in .allCases.randomElement(using: &random)! }
    delta.blocked = handles(size(&random), &random)
    delta.blockedWhy = delta.blocked.map { _ in .allCases.randomElement(using: &random)! }
    delta.ready = handles(size(&random), &random)
    delta.untrackedTenant = ints(size(&random), 0...9, &random)
    delta.untrackedTokens = ints(delta.untrackedTenant.count, 0...9_999, &random)
    if Bool.random(using: &random) { delta.check = .init(running: 1, waiting: 2, blocked: 0, computed: 9, output: 8) }
    if Bool.random(using: &random) { delta.spot = .init(h: 4, computed: 9, output: 1, running: true, blocked: true) }
    return delta
  }
}
