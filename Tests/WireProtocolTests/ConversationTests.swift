import Foundation
import SchedulerCore
import Testing

@testable import WireProtocol

/// A whole conversation in the shapes of the wire contract, as bytes of both sides.
struct ConversationTests {
  /// Reads a payload the way its receiver does.
  private func read(_ text: String) throws {
    try Array(text.utf8).withUnsafeBytes { payload in
      let json = try JSONValue(parsing: payload)
      if json["method"] != nil { return try readRequest(payload) }
      let reply = try Reply.parse(payload)
      #expect((reply.error == nil) == (reply.code == .ok))
      let head = try ReplyHead.parse(payload)
      #expect(head.id == reply.id && head.isOK == (reply.code == .ok))
      let message = UnsafeRawBufferPointer(rebasing: payload[head.message])
      if reply.message["session"] != nil { _ = try RegisterReply.decode(reply.message) }
      guard reply.message["seq"] != nil else { return }
      var answer = StepReply()
      try answer.decode(message)
      #expect(answer.epoch == reply.message["epoch"]?.unsignedValue)
      #expect(answer.hasPlan == (reply.message["plan"] != nil))
    }
  }

  private func readRequest(_ payload: UnsafeRawBufferPointer) throws {
    let envelope = try RequestEnvelope.parse(payload)
    let message = UnsafeRawBufferPointer(rebasing: payload[envelope.message])
    switch envelope.method {
    case .known(.register):
      let engine = try RegisterMessage.decode(try JSONValue(parsing: message))
      #expect(try RegisterMessage.decode(RegisterMessage.encode(engine)) == engine)
    case .known(.step):
      var delta = StepDelta()
      var again = StepDelta()
      try StepCodec().decode(message, into: &delta)
      var writer = JSONWriter()
      StepCodec.encode(delta, into: &writer)
      try writer.bytes.withUnsafeBytes { try StepCodec().decode($0, into: &again) }
      #expect(again == delta)
    default: Issue.record("unexpected method \(envelope.method)")
    }
  }

  @Test(arguments: [
    #"{"id":1,"method":"coxswain.v1.Scheduler/Register","timeout_us":100000,"message":{"engine":{"name":"sglang","version":"0.9"},"server_id":"rack2-qwen","dp_rank":1,"dp_size":2,"tp":4,"pp":1,"engine_boot_id":"77aa","now_us":5000000,"model":{"id":"qwen3-32b","parameters":32762123264,"pools":[{"blocks":9000},{"blocks":300}],"kv_groups":[{"pool":0,"block_tokens":64,"bytes_per_token":262144,"window_tokens":0},{"pool":1,"block_tokens":64,"bytes_per_token":65536,"window_tokens":4096}]},"in_flight_max":2,"in_flight_repeat":"any","limits":{"step_tokens":16384,"sequences":512,"length":65536,"adapters":4,"encoder_tokens":0},"drafter":{"k_max":5,"per":"request"},"full_prompt_must_fit":false,"kinds":["chat","embedding"],"capabilities":["order","hold","chunk","draft_request","abort"]}}"#,
    #"{"id":1,"status":{"code":"OK"},"message":{"session":"s-9","epoch":18446744073709551610,"applied":{"epoch":18446744073709551609,"seq":77},"policy_generation":3,"mirror_limits":{"running":1024,"waiting":100000,"arrived_per_step":256},"wire":1,"step_fields":["launched","settled","state","untracked_tokens","spot"]}}"#,
    #"{"id":2,"method":"coxswain.v1.Scheduler/Step","timeout_us":1500,"message":{"epoch":18446744073709551610,"seq":1,"now_us":5004000,"kv_free_blocks":[8800,290],"sync":true,"names":["north","chat","south","bulk"],"arrived":{"h":[11,12],"id":["req-a","req-b"],"tenant":[0,2],"class":[1,3],"prompt":[300,9000],"max_output":[64,128],"age_us":[90000,-20]},"launched":{"seq":0,"mode":"none"},"state":{"h":[11],"computed":[305],"output":[6],"running":[1]},"blocked":{"h":[12],"why":["remote_kv"]},"untracked_tokens":{"tenant":[2],"tokens":[40]},"check":[1,1,1,305,6]}}"#,
    #"{"id":2,"status":{"code":"OK"},"message":{"epoch":18446744073709551610,"seq":1}}"#,
    #"{"id":3,"method":"coxswain.v1.Scheduler/Step","message":{"now_us":5006000,"spot":[11,306,7,1,0],"seq":2,"kv_free_blocks":[8799,290],"launched":{"seq":1,"x":{"h":[12],"n":[512],"why":["cached"]},"drafted":"3"},"settled":[{"seq":1,"elapsed_us":20999,"accepted":"2"}],"ready":[12],"removed":{"h":[10],"why":["length"]},"epoch":18446744073709551610,"check":[2,0,0,1400,7]}}"#,
    #"{"id":3,"status":{"code":"OK"},"message":{"epoch":18446744073709551610,"seq":2,"plan":{"decode":"all","run":{"h":[12],"n":[2048],"k":[0]},"victims":[12,11],"order":[40,41],"reasons":[[12,"chunk_budget",2048]]}}}"#,
    #"{"id":4,"method":"coxswain.v1.Scheduler/Step","timeout_us":1500,"message":{"epoch":5,"seq":3,"now_us":5100000,"kv_free_blocks":[8000,280],"launched":{"seq":2,"mode":"fallback","iterations":2,"h":[11,12],"n":[2,700]},"settled":[],"state":{"h":[11,12],"computed":[310,3000],"output":[9,0],"running":[1,0],"why":["","engine_preempted"]},"check":[1,1,0,3310,9]}}"#,
    #"{"id":4,"status":{"code":"DEADLINE_EXCEEDED","message":"applied, plan dropped","details":{"epoch":5,"seq":3}},"message":{}}"#,
    #"{"id":5,"status":{"code":"FAILED_PRECONDITION","message":"check differs","details":{"reason":"RESYNC","field":"/check/2","retry_after_ms":250}},"message":{}}"#,
    #"{"id":6,"status":{"code":"OK"},"message":{"epoch":5,"seq":4,"plan":{"hold_us":2000,"placement":{"generation":2,"cpus":"0-3,8","numa_node":0,"memory_node":0,"reasons":[["most_memory",1024]]},"cache":{"watermark_blocks":[90,3]}}}}"#,
  ])
  func everyMessageIsReadByItsReceiver(_ text: String) throws { try read(text) }

  /// The contract's own examples, where its page lies beside the repository.
  @Test func theContractsExamplesAreRead() throws {
    var directory = URL(fileURLWithPath: #filePath)
    for _ in 0..<4 { directory.deleteLastPathComponent() }
    let page = directory.appendingPathComponent("shared/PROTOCOL.md")
    guard let text = try? String(contentsOf: page, encoding: .utf8) else { return }
    let examples = text.split(separator: "\n").compactMap { line -> String? in
      guard !line.hasPrefix("*"), !line.contains("`{"), let start = line.range(of: "{\"id\":") else { return nil }
      return String(line[start.lowerBound...])
    }
    #expect(examples.count >= 12)
    for example in examples { try read(example) }
  }
}
