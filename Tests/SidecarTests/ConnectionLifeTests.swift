import Foundation
import Testing
import WireProtocol

@testable import Sidecar

/// How connections end, and what keeps one peer from harming the sidecar.
struct ConnectionLifeTests {
  private static let health = RawSocket.frame(#"{"id":1,"method":"grpc.health.v1.Health/Check"}"#)

  private static func call(_ id: Int, _ method: WireMethod, _ message: String = "{}", timeoutUs: Int? = nil) -> [UInt8]
  {
    let timeout = timeoutUs.map { #""timeout_us":\#($0),"# } ?? ""
    return RawSocket.frame(#"{"id":\#(id),"method":"\#(method.rawValue)",\#(timeout)"message":\#(message)}"#)
  }

  // MARK: - Ends

  @Test func aPeerThatHasSaidAllStillGetsItsAnswers() async throws {
    try await RunningSidecar.with { directory in
      let socket = try RawSocket(directory + "/engine.sock")
      let plan = #"{"register":\#(Conversation.engine),"step":{"kv_free_blocks":[100],\#(Conversation.arrival(3))}}"#
      try socket.send(Self.call(1, .plan, plan) + Self.call(2, .healthCheck))
      socket.finishSending()
      let replies = [try #require(try socket.receive()), try #require(try socket.receive())]
      #expect(Set(replies.map(\.id)) == [1, 2])
      #expect(replies.allSatisfy { $0.code == .ok })
      #expect(try socket.isAtEnd())
    }
  }

  @Test func watchersAreToldWhenTheSidecarStops() async throws {
    let directory = RunningSidecar.temporary()
    try await RunningSidecar.withStop(snapshot: [:], directory: directory) { directory, stop in
      let engine = try RawSocket(directory + "/engine.sock")
      try engine.send(Self.call(1, .healthWatch))
      #expect(try engine.receive()?.message == ["status": "SERVING"])
      let admin = try RawSocket(directory + "/admin.sock")
      try admin.send(Self.call(5, .watchSnapshot))
      #expect(try admin.receive()?.code == nil)
      stop()
      #expect(try engine.receive()?.message == ["status": "NOT_SERVING"])
      #expect(try engine.receive()?.error?.details["reason"] == "STOPPING")
      #expect(try engine.isAtEnd())
      let last = try #require(try admin.receive())
      #expect(last.code == .unavailable)
      #expect(last.id == 5)
      #expect(try admin.isAtEnd())
    }
    #expect(!FileManager.default.fileExists(atPath: directory + "/engine.sock"))
    #expect(!FileManager.default.fileExists(atPath: directory + "/admin.sock"))
  }

  @Test func aWatcherThatGoesAwayLeavesNothingBehind() async throws {
    var limits = SidecarLimits()
    limits.connections = 1
    try await RunningSidecar.with(limits: limits) { directory in
      do {
        let watcher = try RawSocket(directory + "/admin.sock")
        try watcher.send(Self.call(1, .healthWatch))
        #expect(try watcher.receive()?.message == ["status": "SERVING"])
      }
      // The end reaches the sidecar a moment later; until then there is no room for another connection.
      var code: StatusCode?
      for _ in 0..<200 where code != .ok {
        let next = try RawSocket(directory + "/admin.sock")
        try next.send(Self.health)
        code = try next.receive()?.code
        if code != .ok { usleep(10_000) }
      }
      #expect(code == .ok)
    }
  }

  // MARK: - Calls

  @Test func aDeadlineEndsWithItsCall() async throws {
    try await RunningSidecar.with { directory in
      let socket = try RawSocket(directory + "/admin.sock")
      try socket.send(Self.call(1, .status, timeoutUs: 150_000))
      #expect(try socket.receive()?.code == .ok)
      // The same id again, for a call that outlives the first one's deadline.
      try socket.send(Self.call(1, .watchSnapshot, #"{"interval_ms":100}"#))
      for _ in 0..<4 { #expect(try socket.receive()?.code == nil) }
    }
  }

  @Test func anIDInUseIsRefusedAndItsCallGoesOn() async throws {
    try await RunningSidecar.with { directory in
      let socket = try RawSocket(directory + "/engine.sock")
      try socket.send(Self.call(1, .healthWatch))
      #expect(try socket.receive()?.message == ["status": "SERVING"])
      try socket.send(Self.call(1, .healthCheck))
      let refused = try #require(try socket.receive())
      #expect(refused.code == .invalidArgument)
      #expect(refused.error?.details["field"] == "/id")
      try socket.send(RawSocket.frame(#"{"id":1,"cancel":true}"#))
      #expect(try socket.receive()?.code == .cancelled)
      try socket.send(Self.call(1, .healthCheck))
      #expect(try socket.receive()?.message == ["status": "SERVING"])
    }
  }

  @Test func callsOfOneConnectionAreLimited() async throws {
    var limits = SidecarLimits()
    limits.callsPerConnection = 2
    try await RunningSidecar.with(limits: limits) { directory in
      let socket = try RawSocket(directory + "/engine.sock")
      for id in 1...2 {
        try socket.send(Self.call(id, .healthWatch))
        #expect(try socket.receive()?.message == ["status": "SERVING"])
      }
      try socket.send(Self.call(3, .healthCheck))
      let refused = try #require(try socket.receive())
      #expect(refused.code == .resourceExhausted)
      #expect(refused.error?.details["reason"] == "TOO_MANY_CALLS")
    }
  }

  @Test func aCancelCountsBehindOtherFramesToo() async throws {
    try await RunningSidecar.with { directory in
      let socket = try RawSocket(directory + "/engine.sock")
      try socket.send(Self.call(1, .register, Conversation.engine))
      let epoch = try #require(try socket.receive()?.message["epoch"]?.integerValue)
      let cancel = RawSocket.frame(#"{"id":2,"cancel":true}"#)
      try socket.send(Self.call(2, .step, Conversation.step(epoch: epoch, seq: 1)) + Self.health + cancel)
      var codes: [UInt64: StatusCode] = [:]
      for _ in 0..<2 {
        let reply = try #require(try socket.receive())
        codes[reply.id] = reply.code
      }
      #expect(codes == [1: .ok, 2: .cancelled])
    }
  }

  @Test func anAnnouncementHasNoReplyAndTheStepBehindItHas() async throws {
    try await RunningSidecar.with { directory in
      let socket = try RawSocket(directory + "/engine.sock")
      let announcement = RawSocket.frame(#"{"id":2,"cancel":true}"#)
      try socket.send(Self.call(2, .register, Conversation.engine))
      let epoch = try #require(try socket.receive()?.message["epoch"]?.integerValue)
      for seq in 1...3 {
        try socket.send(announcement)
        usleep(seq == 3 ? 10_000 : 500)
        try socket.send(Self.call(2, .step, Conversation.step(epoch: epoch, seq: seq)))
        let reply = try #require(try socket.receive())
        #expect(reply.code == .ok)
        #expect(reply.message["seq"]?.integerValue == seq)
      }
    }
  }

  @Test func aReplyLargerThanAFrameIsAnError() async throws {
    var limits = SidecarLimits()
    limits.wire.frameBytes = 512
    try await RunningSidecar.with(limits: limits) { directory in
      let socket = try RawSocket(directory + "/admin.sock")
      try socket.send(Self.call(1, .reflectionList))
      let reply = try #require(try socket.receive())
      #expect(reply.code == .resourceExhausted)
      #expect(reply.error?.details["reason"] == "REPLY_TOO_LARGE")
      try socket.send(Self.health)
      #expect(try socket.receive()?.code == .ok)
    }
  }

  // MARK: - Peers that take without giving

  @Test func whoDoesNotReadIsNotReadAndThenClosed() async throws {
    var limits = SidecarLimits()
    limits.unreadBytes = 64 << 10
    limits.slowReaderMs = 100
    try await RunningSidecar.with(limits: limits) { directory in
      let socket = try RawSocket(directory + "/admin.sock")
      let calls = Array((0..<100).map { Self.call($0, .reflectionList) }.joined())
      // 100 MB of replies that nobody takes; sending fails as soon as the sidecar gives up.
      #expect(throws: POSIXError.self) {
        for _ in 0..<1_000 { try socket.send(calls) }
      }
      let other = try RawSocket(directory + "/admin.sock")
      try other.send(Self.health)
      #expect(try other.receive()?.code == .ok)
    }
  }

  @Test func aFrameThatDripsInHasNoMoreTimeThanAnother() async throws {
    var limits = SidecarLimits()
    limits.partialFrameMs = 50
    try await RunningSidecar.with(limits: limits) { directory in
      let socket = try RawSocket(directory + "/engine.sock")
      try socket.send([0, 0, 0, 16, 0])
      #expect(throws: POSIXError.self) {
        for _ in 0..<1_000 {
          try socket.send([0x20])
          usleep(5_000)
        }
      }
    }
  }

  // MARK: - Paths

  @Test func aSocketThatAnswersIsNotTakenOver() async throws {
    let theirs = RunningSidecar.temporary()
    let ours = RunningSidecar.temporary()
    try FileManager.default.createDirectory(atPath: ours, withIntermediateDirectories: true)
    try await RunningSidecar.with(directory: theirs) { theirs in
      // The same live socket under another name, where no lock tells of it.
      try FileManager.default.linkItem(atPath: theirs + "/engine.sock", toPath: ours + "/engine.sock")
      let directory = try SocketDirectory(ours)
      #expect(throws: SocketDirectoryError.inUse(path: ours + "/engine.sock")) { try directory.removeStale(.engine) }
      let socket = try RawSocket(ours + "/engine.sock")
      try socket.send(Self.health)
      #expect(try socket.receive()?.code == .ok)
    }
  }

  @Test func aPathTooLongForASocketIsSaidSo() {
    let path = "/tmp/" + String(repeating: "x", count: 100)
    #expect(throws: SocketDirectoryError.unusable(path: path + "/engine.sock", reason: "longer than 107 bytes")) {
      try SocketDirectory(path)
    }
  }
}
