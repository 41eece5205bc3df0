import Foundation
import Synchronization
import Testing
import WireClient
import WireProtocol

@testable import Sidecar

/// Draining over real sockets: nobody new, and nobody is hurt.
struct DrainTests {
  private static func register(_ client: WireClient, rank: Int = 0, boot: String = "boot") throws -> Reply {
    var message = try #require(try JSONValue(parsing: Conversation.engine).objectValue)
    message["dp_rank"] = JSONValue(rank)
    message["engine_boot_id"] = .string(boot)
    return try client.call(.register, message: .object(message))
  }

  private static func step(_ client: WireClient, _ epoch: Int, _ seq: Int, _ members: String = "") throws -> Reply {
    try client.call(.step, message: try JSONValue(parsing: Conversation.step(epoch: epoch, seq: seq, members)))
  }

  /// An engine with one request that runs from its first Step on.
  private static func engine(_ directory: String) throws -> (client: WireClient, epoch: Int) {
    let client = try WireClient(path: directory + "/engine.sock")
    let epoch = try #require(try Self.register(client).message["epoch"]?.integerValue)
    #expect(try Self.step(client, epoch, 1, Conversation.arrival(7)).message["plan"]?["run"] == ["h": [7], "n": [32]])
    return (client, epoch)
  }

  private static func health(_ client: WireClient, _ service: String) throws -> JSONValue? {
    try client.call(.healthCheck, message: ["service": .string(service)]).message["status"]
  }

  @Test func readinessTurnsAndLivenessStays() async throws {
    let boundPort = Mutex(0)
    let keep: @Sendable (Int) -> Void = { port in boundPort.withLock { $0 = port } }
    try await RunningSidecar.with(metricsPort: 0, onPort: keep) { directory in
      let port = boundPort.withLock { $0 }
      let admin = try WireClient(path: directory + "/admin.sock")
      #expect(try Exposition(try HTTPExchange.get("/metrics", port: port).body).value("coxswain_draining") == 0)
      #expect(try admin.call(.status).message["draining"]?.isNull == true)
      let reply = try admin.call(.drain).message
      #expect(reply["changed"] == true)
      #expect(reply["done"] == true)
      #expect(reply["draining"]?["by_uid"]?.integerValue == Int(getuid()))
      let status = try admin.call(.status).message
      #expect(status["health"] == "NOT_SERVING")
      #expect(status["draining"] == reply["draining"])
      for service in ["", "readiness", "coxswain.v1.Scheduler"] {
        #expect(try Self.health(admin, service) == "NOT_SERVING", "\(service)")
      }
      for service in ["liveness", "coxswain.v1.Admin", "grpc.health.v1.Health"] {
        #expect(try Self.health(admin, service) == "SERVING", "\(service)")
      }
      #expect(try HTTPExchange.get("/readyz", port: port).status == 503)
      #expect(try HTTPExchange.get("/livez", port: port).status == 200)
      let metrics = try Exposition(try HTTPExchange.get("/metrics", port: port).body)
      #expect(metrics.value("coxswain_draining") == 1)
      #expect(metrics.value("coxswain_serving") == 0)
      #expect(try admin.call(.drain, message: ["action": "resume"]).message["draining"]?.isNull == true)
      #expect(try Self.health(admin, "") == "SERVING")
      #expect(try HTTPExchange.get("/readyz", port: port).status == 200)
    }
  }

  @Test func watchersHearOnlyWhatTheyAskedFor() async throws {
    try await RunningSidecar.with { directory in
      let socket = try RawSocket(directory + "/engine.sock")
      let watch = WireMethod.healthWatch.rawValue
      try socket.send(RawSocket.frame(#"{"id":1,"method":"\#(watch)","message":{"service":"liveness"}}"#))
      #expect(try socket.receive()?.message == ["status": "SERVING"])
      try socket.send(RawSocket.frame(#"{"id":2,"method":"\#(watch)"}"#))
      #expect(try socket.receive()?.message == ["status": "SERVING"])
      let admin = try WireClient(path: directory + "/admin.sock")
      for (action, status) in [("start", "NOT_SERVING"), ("resume", "SERVING")] {
        _ = try admin.call(.drain, message: ["action": .string(action)])
        let item = try #require(try socket.receive())
        #expect(item.id == 2, "the watcher of liveness hears nothing")
        #expect(item.message == ["status": .string(status)])
      }
    }
  }

  @Test func whoIsThereGoesOnAndNobodyNewIsTaken() async throws {
    try await RunningSidecar.with { directory in
      let (engine, epoch) = try Self.engine(directory)
      let admin = try WireClient(path: directory + "/admin.sock")
      let left = try admin.call(.drain).message
      #expect(left["requests"] == 1)
      #expect(left["done"] == false)
      #expect(left["sessions"]?[0]?["waiting"]?.integerValue == 1)
      let other = try WireClient(path: directory + "/engine.sock")
      let refused = try #require(try Self.register(other, rank: 1).error)
      #expect(refused.code == .unavailable)
      #expect(refused.details["reason"] == "DRAINING")
      #expect(refused.details["retry_after_ms"]?.integerValue ?? 0 > 0)
      // Started anew it is a new one, and the session of the old one must not suffer from its asking.
      #expect(try Self.register(other, boot: "another").code == .unavailable)
      #expect(try Self.step(engine, epoch, 2, #""settled":[{"seq":1,"elapsed_us":900}]"#).message["plan"] != nil)
      // A lost mirror is filled again: its requests are to be served.
      #expect(try Self.step(engine, epoch, 9).error?.details["reason"] == "RESYNC")
      #expect(try admin.call(.drain, message: ["action": "show"]).message["done"] == false, "nobody knows what is left")
      let anew = try #require(try Self.register(engine).message["epoch"]?.integerValue)
      #expect(try Self.step(engine, anew, 1, Conversation.arrival(7)).message["plan"]?["run"] != nil)
      let gone = #""launched":{"seq":1,"mode":"none"},"removed":{"h":[7],"why":["abort"]}"#
      #expect(try Self.step(engine, anew, 2, gone).code == .ok)
      let done = try admin.call(.drain, message: ["action": "show"]).message
      #expect(done["requests"] == 0)
      #expect(done["done"] == true)
      _ = try admin.call(.drain, message: ["action": "resume"])
      #expect(try Self.register(other, rank: 1).code == .ok)
    }
  }

  @Test func askingTwiceChangesNothing() async throws {
    try await RunningSidecar.with { directory in
      let admin = try WireClient(path: directory + "/admin.sock")
      func drain(_ action: String) throws -> JSONValue {
        try admin.call(.drain, message: ["action": .string(action)]).message
      }
      #expect(try drain("show")["draining"]?.isNull == true)
      #expect(try drain("resume")["changed"] == false)
      let first = try drain("start")
      let second = try drain("start")
      #expect(second["changed"] == false)
      #expect(second["draining"] == first["draining"])
      #expect(try drain("resume")["changed"] == true)
      #expect(try drain("resume")["changed"] == false)
    }
  }

  @Test func whatIsNoDrainIsRefused() async throws {
    try await RunningSidecar.with { directory in
      let admin = try WireClient(path: directory + "/admin.sock")
      let reply = try admin.call(.drain, message: ["action": "stop"])
      #expect(reply.code == .invalidArgument)
      #expect(reply.error?.details["field"] == "/action")
      #expect(try admin.call(.status).message["draining"]?.isNull == true)
      let engine = try WireClient(path: directory + "/engine.sock")
      #expect(try engine.call(.drain).code == .permissionDenied)
    }
  }
}
