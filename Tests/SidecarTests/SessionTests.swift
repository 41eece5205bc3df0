import Testing
import WireProtocol

@testable import Sidecar

/// The session rules on the sidecar's side, one by one.
struct SessionTests {
  @Test func registerSaysWhatTheEngineNeeds() throws {
    let conversation = Conversation()
    let reply = try conversation.register()
    #expect(reply["session"] == "s-1")
    #expect(reply["epoch"] == 1_001)
    #expect(reply["applied"] == .null)
    #expect(reply["policy_generation"] == 3)
    #expect(reply["mirror_limits"]?["arrived_per_step"] == 256)
    #expect(reply["step_fields"]?.arrayValue?.contains("untracked_tokens") == true)
  }

  @Test func aStepIsAnsweredWithAPlan() throws {
    let conversation = Conversation()
    try conversation.register()
    let reply = try conversation.step(epoch: 1_001, seq: 1, Conversation.arrival(1))
    #expect(reply.code == .ok)
    #expect(reply.message["plan"]?["run"] == ["h": [1], "n": [32]])
    #expect(reply.message["seq"] == 1)
  }

  @Test func aStepWithoutRegisterGetsResync() throws {
    let reply = try Conversation().step(epoch: 1, seq: 1)
    expectResync(reply, field: "/epoch")
  }

  private static let settled = #""settled":[{"seq":1,"elapsed_us":5}]"#

  @Test(arguments: [
    (Conversation.step(epoch: 9, seq: 2), "/epoch"), (Conversation.step(epoch: 1_001, seq: 3), "/seq"),
    (Conversation.step(epoch: 1_001, seq: 1), "/seq"),
    (Conversation.step(epoch: 1_001, seq: 2, Self.settled + #","check":[1,0,0,32,2]"#), "/check/4"),
    (Conversation.step(epoch: 1_001, seq: 2, Self.settled + #","spot":[1,31,1,1,0]"#), "/spot/1"),
    (Conversation.step(epoch: 1_001, seq: 2, Self.settled + #","removed":{"h":[7],"why":["stop"]}"#), "/removed/h/0"),
    (Conversation.step(epoch: 1_001, seq: 2, #""check":[1,0,0,32,1]"#), "/settled"),
    (Conversation.step(epoch: 1_001, seq: 2, #""sync":true"#), "/sync"),
    (Conversation.step(epoch: 1_001, seq: 2, #""ready":"x""#), "/ready"),
    (Conversation.step(epoch: 1_001, seq: 2, Conversation.arrival(1, names: false)), "/arrived/h/0"),
    ("{\"epoch\":1001", ""), ("no JSON", ""),
  ])
  func aContradictionDropsTheMirrorUntilRegister(_ step: String, _ field: String) throws {
    let conversation = Conversation()
    try conversation.register()
    _ = try conversation.step(epoch: 1_001, seq: 1, Conversation.arrival(1))
    expectResync(try conversation.step(step), field: field)
    expectResync(try conversation.step(epoch: 1_001, seq: 2), field: "")
    #expect(conversation.session.state == .lost)
    // The one recovery path: Register on the same connection.
    let again = try conversation.register()
    #expect(again["epoch"] == 1_002)
    #expect(again["applied"] == ["epoch": 1_001, "seq": 1])
    #expect(try conversation.step(epoch: 1_002, seq: 1, Conversation.arrival(1)).code == .ok)
  }

  @Test func retryAfterDoublesWhileItRecursAndIsForgottenAfterAGoodStretch() throws {
    let conversation = Conversation()
    var pauses: [Int] = []
    var epoch = 1_000
    for _ in 0..<15 {
      epoch += 1
      try conversation.register()
      let reply = try conversation.step(epoch: epoch, seq: 2)
      pauses.append(try #require(reply.error?.details["retry_after_ms"]?.integerValue))
    }
    #expect(pauses == [0, 10, 20, 40, 80, 160, 320, 640, 1280, 2560, 5120, 10240, 20480, 40960, 60000])
    epoch += 1
    try conversation.register()
    for seq in 1...ResyncBackoff.goodStretch { #expect(try conversation.step(epoch: epoch, seq: seq).code == .ok) }
    let reply = try conversation.step(epoch: epoch, seq: 1)
    #expect(reply.error?.details["retry_after_ms"] == 0)
  }

  @Test func syncStepsGetNoPlan() throws {
    let conversation = Conversation()
    try conversation.register()
    let state =
      #""state":{"h":[1],"computed":[30],"output":[3],"running":[1]},"sync":true,"launched":{"seq":0,"mode":"none"}"#
    let synced = try conversation.step(epoch: 1_001, seq: 1, Conversation.arrival(1) + "," + state)
    #expect(synced.code == .ok)
    #expect(synced.message["plan"] == nil)
    #expect(conversation.session.state == .syncing)
    let live = try conversation.step(epoch: 1_001, seq: 2, #""check":[1,0,0,30,3]"#)
    #expect(live.message["plan"]?["run"] == ["h": [1], "n": [5]])
    #expect(conversation.session.state == .live)
  }

  // MARK: - Delivery

  @Test func aLatePlanIsDroppedAndItsStepCounts() throws {
    let conversation = Conversation()
    try conversation.register()
    conversation.planningTakes(us: 5_000)
    let late = try conversation.step(
      Conversation.step(epoch: 1_001, seq: 1, Conversation.arrival(1)), timeoutUs: 2_000)
    #expect(late.code == .deadlineExceeded)
    #expect(late.error?.details["epoch"] == 1_001)
    #expect(late.error?.details["seq"] == 1)
    conversation.planningTakes(us: 0)
    let fallback =
      #""launched":{"seq":1,"mode":"fallback","iterations":1,"h":[1],"n":[32]},"state":{"h":[1],"computed":[32],"output":[1],"running":[1]},"settled":[{"seq":1,"elapsed_us":9}],"check":[1,0,0,32,1]"#
    let next = try conversation.step(epoch: 1_001, seq: 2, fallback)
    #expect(next.code == .ok)
    #expect(conversation.session.counters.deadlineExceeded == 1)
    #expect(conversation.session.telemetry?.fallbackSteps == 1)
  }

  @Test func aDroppedPlanMustNotBeReportedAsLaunched() throws {
    let conversation = Conversation()
    try conversation.register()
    conversation.planningTakes(us: 5_000)
    _ = try conversation.step(Conversation.step(epoch: 1_001, seq: 1, Conversation.arrival(1)), timeoutUs: 1)
    conversation.planningTakes(us: 0)
    let claims = #""launched":{"seq":1,"x":{"h":[1],"n":[32],"why":["partial"]}}"#
    expectResync(try conversation.step(epoch: 1_001, seq: 2, claims), field: "/launched/mode")
  }

  @Test func aCancelledPlanIsDroppedAndItsStepCounts() throws {
    let conversation = Conversation()
    try conversation.register()
    let reply = try conversation.step(
      Conversation.step(epoch: 1_001, seq: 1, Conversation.arrival(1)), isCancelled: true)
    #expect(reply.code == .cancelled)
    #expect(reply.error?.details["seq"] == 1)
    #expect(try conversation.step(epoch: 1_001, seq: 2, #""launched":{"seq":1,"mode":"none"}"#).code == .ok)
  }

  @Test func aPlanThatBreaksAnInvariantIsWithheldAndItsStepCounts() throws {
    let conversation = Conversation()
    try conversation.register()
    conversation.session.planCheck = { _, plan in plan.run.isEmpty ? nil : "too many tokens" }
    let reply = try conversation.step(epoch: 1_001, seq: 1, Conversation.arrival(1))
    #expect(reply.code == .internalError)
    #expect(reply.error?.details["reason"] == "INVARIANT")
    #expect(reply.error?.details["seq"] == 1)
    #expect(conversation.session.counters.violations == 1)
    // To the engine it is a plan that never came.
    #expect(try conversation.step(epoch: 1_001, seq: 2, #""launched":{"seq":1,"mode":"none"}"#).code == .internalError)
  }

  // MARK: - Who serves which rank

  @Test func aLaterRegisterReplacesTheSessionWhateverItsBootID() throws {
    let registry = SessionRegistry.forTests()
    let first = Conversation(registry)
    let second = Conversation(registry)
    try first.register()
    _ = try first.step(epoch: 1_001, seq: 1, Conversation.arrival(1))
    let reply = try second.register { $0["engine_boot_id"] = "another" }
    #expect(reply["applied"] == .null)
    let loser = try first.step(epoch: 1_001, seq: 2)
    #expect(loser.code == .aborted)
    #expect(loser.error?.details["reason"] == "REPLACED")
    #expect(try second.step(epoch: 1_002, seq: 1).code == .ok)
    // What the loser had applied is kept for its boot id.
    let third = Conversation(registry)
    #expect(try third.register()["applied"] == ["epoch": 1_001, "seq": 1])
  }

  @Test func ranksOfOneServerDoNotReplaceEachOther() throws {
    let registry = SessionRegistry.forTests()
    let ranks = (0..<4).map { _ in Conversation(registry) }
    for (rank, conversation) in ranks.enumerated() {
      try conversation.register { $0["dp_rank"] = JSONValue(rank) }
    }
    for (rank, conversation) in ranks.enumerated() {
      #expect(try conversation.step(epoch: 1_001 + rank, seq: 1).code == .ok)
    }
  }

  @Test func theEndOfASessionKeepsItsLastStepAndItsTenants() throws {
    let registry = SessionRegistry.forTests()
    let conversation = Conversation(registry)
    try conversation.register()
    _ = try conversation.step(epoch: 1_001, seq: 1, Conversation.arrival(1))
    _ = try conversation.step(epoch: 1_001, seq: 2, #""check":[1,0,0,32,1],"settled":[{"seq":1,"elapsed_us":5}]"#)
    #expect(try conversation.session.unregister() == [:])
    #expect(registry.tenantCharges().map(\.tenant) == ["acme"])
    #expect(registry.tenantCharges().map(\.tokens) == [32])
    expectResync(try conversation.step(epoch: 1_001, seq: 3), field: "/epoch")
    #expect(throws: CallError.self) { try conversation.session.unregister() }
    #expect(try Conversation(registry).register()["applied"] == ["epoch": 1_001, "seq": 2])
  }

  @Test func bootIDsAreForgottenOldestFirst() throws {
    var limits = SidecarLimits()
    limits.bootIDs = 2
    let registry = SessionRegistry.forTests(limits: limits)
    for (index, boot) in ["a", "b", "c"].enumerated() {
      let conversation = Conversation(registry)
      try conversation.register { $0["engine_boot_id"] = .string(boot) }
      _ = try conversation.step(epoch: 1_001 + index, seq: 1)
      conversation.session.leave()
    }
    let applied = try ["a", "b", "c"].map { boot in
      let conversation = Conversation(registry)
      let reply = try conversation.register { $0["engine_boot_id"] = .string(boot) }
      conversation.session.leave()
      return reply["applied"] != .null
    }
    #expect(applied == [false, true, true])
  }

  @Test func tenantsBeyondTheLimitAreSummed() throws {
    var limits = SidecarLimits()
    limits.tenants = 2
    let registry = SessionRegistry.forTests(limits: limits)
    registry.charge([("a", 1), ("b", 2), ("c", 4), ("d", 8), ("a", 16)])
    #expect(registry.tenantCharges().map(\.tenant) == ["(other)", "a", "b"])
    #expect(registry.tenantCharges().map(\.tokens) == [12, 17, 2])
  }

  // MARK: - Clocks and holds

  @Test func aClockThatStepsBackIsNoError() throws {
    let conversation = Conversation()
    try conversation.register()
    let times = [5_000, 4_000, 9_000_000_000_000, 10]
    for (index, nowUs) in times.enumerated() {
      let step = #"{"epoch":1001,"seq":\#(index + 1),"now_us":\#(nowUs),"kv_free_blocks":[100]}"#
      #expect(try conversation.step(step).code == .ok)
    }
    #expect(conversation.session.telemetry?.clockStepsBack == 2)
  }

  @Test func anEmptyQueueIsAHoldWithinItsBounds() throws {
    let conversation = Conversation()
    try conversation.register()
    let reply = try conversation.step(epoch: 1_001, seq: 1)
    let holdUs = try #require(reply.message["plan"]?["hold_us"]?.integerValue)
    #expect((1_000...100_000).contains(holdUs))
  }

  private func expectResync(
    _ reply: Reply, field: String, sourceLocation: SourceLocation = #_sourceLocation
  ) {
    #expect(reply.code == .failedPrecondition, sourceLocation: sourceLocation)
    #expect(reply.error?.details["reason"] == "RESYNC", sourceLocation: sourceLocation)
    #expect(reply.error?.details["field"] == .string(field), sourceLocation: sourceLocation)
    #expect(reply.error?.details["retry_after_ms"] != nil, sourceLocation: sourceLocation)
  }
}
