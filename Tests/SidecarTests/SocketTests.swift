import Foundation
import Testing
import WireClient
import WireProtocol

@testable import Sidecar

/// The transport on a real socket: what peers may do wrong, and what survives it.
struct SocketTests {
  private static let health = RawSocket.frame(#"{"id":1,"method":"grpc.health.v1.Health/Check"}"#)

  @Test func garbageIsAnsweredAndTheConnectionSurvives() async throws {
    try await RunningSidecar.with { directory in
      let socket = try RawSocket(directory + "/engine.sock")
      for payload in [
        "nonsense", "[]", "", "{\"id\":5}", "{\"id\":5,\"method\":\"x/y\"} trailing", "{\"id\":5,\"id\":5}",
      ] {
        try socket.send(RawSocket.frame(payload))
        let reply = try #require(try socket.receive())
        #expect(reply.code == .invalidArgument, "\(payload)")
      }
      try socket.send(RawSocket.frame("{\"id\":6,\"method\":\"x/y\"}"))
      #expect(try socket.receive()?.code == .unimplemented)
      try socket.send(Self.health)
      #expect(try socket.receive()?.message == ["status": "SERVING"])
    }
  }

  @Test(
    arguments: [
      ([0, 0xFF, 0xFF, 0xFF, 0xFF], StatusCode.resourceExhausted), ([1, 0, 0, 0, 2, 0x7B, 0x7D], .unimplemented),
    ] as [([UInt8], StatusCode)])
  func lostFramingIsAnsweredAndTheConnectionCloses(_ bytes: [UInt8], _ code: StatusCode) async throws {
    try await RunningSidecar.with { directory in
      let socket = try RawSocket(directory + "/engine.sock")
      try socket.send(Self.health)
      #expect(try socket.receive()?.code == .ok)
      try socket.send(bytes)
      let reply = try #require(try socket.receive())
      #expect(reply.id == 0)
      #expect(reply.code == code)
      #expect(try socket.isAtEnd())
      // Others are not disturbed.
      let other = try RawSocket(directory + "/engine.sock")
      try other.send(Self.health)
      #expect(try other.receive()?.code == .ok)
    }
  }

  @Test func aFrameMayArriveCutAtAnyByte() async throws {
    try await RunningSidecar.with { directory in
      let socket = try RawSocket(directory + "/admin.sock")
      for cut in 1..<Self.health.count {
        try socket.send(Array(Self.health[..<cut]))
        usleep(500)
        try socket.send(Array(Self.health[cut...]))
        #expect(try socket.receive()?.code == .ok, "cut at \(cut)")
      }
    }
  }

  @Test func anEngineThatDiesInsideAFrameHarmsNobody() async throws {
    try await RunningSidecar.with { directory in
      for cut in [1, 4, 5, 6, 20] {
        let socket = try RawSocket(directory + "/engine.sock")
        try socket.send(Array(Self.health[..<cut]))
      }
      let socket = try RawSocket(directory + "/engine.sock")
      try socket.send(Self.health)
      #expect(try socket.receive()?.code == .ok)
    }
  }

  @Test func manyFramesInOneWriteAreAnsweredInOrder() async throws {
    try await RunningSidecar.with { directory in
      let socket = try RawSocket(directory + "/engine.sock")
      var bytes = RawSocket.frame(
        #"{"id":1,"method":"coxswain.v1.Scheduler/Register","message":\#(Conversation.engine)}"#)
      try socket.send(bytes)
      let epoch = try #require(try socket.receive()?.message["epoch"]?.integerValue)
      bytes = []
      for seq in 1...50 {
        bytes += RawSocket.frame(
          #"{"id":\#(seq + 1),"method":"coxswain.v1.Scheduler/Step","message":\#(Conversation.step(epoch: epoch, seq: seq))}"#
        )
      }
      try socket.send(bytes)
      for seq in 1...50 { #expect(try socket.receive()?.message["seq"] == JSONValue(seq)) }
    }
  }

  @Test func aStepForAnUnknownSessionGetsResync() async throws {
    try await RunningSidecar.with { directory in
      let socket = try RawSocket(directory + "/engine.sock")
      try socket.send(
        RawSocket.frame(
          #"{"id":1,"method":"coxswain.v1.Scheduler/Step","message":\#(Conversation.step(epoch: 4, seq: 9))}"#))
      let reply = try #require(try socket.receive())
      #expect(reply.code == .failedPrecondition)
      #expect(reply.error?.details["reason"] == "RESYNC")
      try socket.send(Self.health)
      #expect(try socket.receive()?.code == .ok)
    }
  }

  @Test func aCancelBehindAStepDropsItsPlan() async throws {
    try await RunningSidecar.with { directory in
      let socket = try RawSocket(directory + "/engine.sock")
      try socket.send(
        RawSocket.frame(#"{"id":1,"method":"coxswain.v1.Scheduler/Register","message":\#(Conversation.engine)}"#))
      let epoch = try #require(try socket.receive()?.message["epoch"]?.integerValue)
      let step =
        #"{"id":2,"method":"coxswain.v1.Scheduler/Step","message":\#(Conversation.step(epoch: epoch, seq: 1))}"#
      try socket.send(RawSocket.frame(step) + RawSocket.frame(#"{"id":2,"cancel":true}"#))
      #expect(try socket.receive()?.code == .cancelled)
      let next = Conversation.step(epoch: epoch, seq: 2, #""launched":{"seq":1,"mode":"none"}"#)
      try socket.send(RawSocket.frame(#"{"id":3,"method":"coxswain.v1.Scheduler/Step","message":\#(next)}"#))
      #expect(try socket.receive()?.code == .ok)
    }
  }

  @Test func aTimeoutOfOneMicrosecondDropsThePlan() async throws {
    try await RunningSidecar.with { directory in
      let socket = try RawSocket(directory + "/engine.sock")
      try socket.send(
        RawSocket.frame(#"{"id":1,"method":"coxswain.v1.Scheduler/Register","message":\#(Conversation.engine)}"#))
      let epoch = try #require(try socket.receive()?.message["epoch"]?.integerValue)
      let step = Conversation.step(epoch: epoch, seq: 1, Conversation.arrival(1))
      try socket.send(
        RawSocket.frame(#"{"id":2,"method":"coxswain.v1.Scheduler/Step","timeout_us":0,"message":\#(step)}"#))
      #expect(try socket.receive()?.code == .deadlineExceeded)
    }
  }

  // MARK: - Sockets

  @Test func adminVerbsAreDeniedOnTheEngineSocketAndTheOtherWayRound() async throws {
    try await RunningSidecar.with { directory in
      let engine = try WireClient(path: directory + "/engine.sock")
      for method in ["coxswain.v1.Admin/Status", "coxswain.v1.Policy/Apply", "coxswain.v1.Resources/Snapshot"] {
        #expect(try engine.call(method: method).code == .permissionDenied, "\(method)")
      }
      let admin = try WireClient(path: directory + "/admin.sock")
      #expect(try admin.call(.step).code == .permissionDenied)
      #expect(try admin.call(method: "coxswain.v1.Nothing/AtAll").code == .unimplemented)
      #expect(try admin.call(.status).message["version"] == "test")
    }
  }

  @Test func socketsAreForOwnerAndGroup() async throws {
    try await RunningSidecar.with { directory in
      let modes = try ["", "/engine.sock", "/admin.sock"].map { try Self.mode(directory + $0) }
      #expect(modes == [0o750, 0o660, 0o660])
    }
  }

  /// Groups of their own for each socket need a directory that others may pass through and not read.
  @Test func aDirectoryThatOthersPassThroughKeepsItsMode() async throws {
    for (given, kept) in [(0o711, 0o711), (0o755, 0o750), (0o770, 0o770), (0o777, 0o750)] {
      let directory = RunningSidecar.temporary()
      try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
      try FileManager.default.setAttributes([.posixPermissions: given], ofItemAtPath: directory)
      try await RunningSidecar.with(directory: directory) { directory in
        let mode = try Self.mode(directory)
        #expect(mode == kept)
      }
    }
  }

  private static func mode(_ path: String) throws -> Int {
    let attributes = try FileManager.default.attributesOfItem(atPath: path)
    return try #require(attributes[.posixPermissions] as? Int)
  }

  @Test func aStaleSocketIsReplacedALiveOneIsNot() async throws {
    let directory = RunningSidecar.temporary()
    // What a sidecar that was killed leaves behind: a socket file that nobody listens on.
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    try await RunningSidecar.onThread { try Self.leaveSocket(directory + "/engine.sock") }
    try await RunningSidecar.with(directory: directory) { directory in
      let socket = try RawSocket(directory + "/engine.sock")
      try socket.send(Self.health)
      #expect(try socket.receive()?.code == .ok)
      #expect(throws: SocketDirectoryError.inUse(path: directory)) { try SocketDirectory(directory) }
    }
    #expect(!FileManager.default.fileExists(atPath: directory + "/engine.sock"))
  }

  private static func leaveSocket(_ path: String) throws {
    let descriptor = socket(AF_UNIX, CInt(SOCK_STREAM.rawValue), 0)
    defer { close(descriptor) }
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array(path.utf8)) }
    let size = socklen_t(MemoryLayout<sockaddr_un>.size)
    let result = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(descriptor, $0, size) }
    }
    try #require(result == 0)
  }

  @Test func aFileThatIsNoSocketIsNotRemoved() async throws {
    let directory = RunningSidecar.temporary()
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    try Data("mine".utf8).write(to: URL(filePath: directory + "/admin.sock"))
    await #expect(throws: SocketDirectoryError.self) {
      try await RunningSidecar.with(directory: directory) { _ in }
    }
    #expect(try String(contentsOfFile: directory + "/admin.sock", encoding: .utf8) == "mine")
  }

  @Test func connectionsAreLimited() async throws {
    var limits = SidecarLimits()
    limits.connections = 2
    try await RunningSidecar.with(limits: limits) { directory in
      let open = try (0..<2).map { _ in try RawSocket(directory + "/engine.sock") }
      for socket in open {
        try socket.send(Self.health)
        #expect(try socket.receive()?.code == .ok)
      }
      let refused = try RawSocket(directory + "/engine.sock")
      let reply = try #require(try refused.receive())
      #expect(reply.code == .resourceExhausted)
      #expect(reply.error?.details["reason"] == "TOO_MANY_CONNECTIONS")
      #expect(try refused.isAtEnd())
    }
  }

  @Test func aHalfFrameDoesNotWaitForEver() async throws {
    var limits = SidecarLimits()
    limits.partialFrameMs = 50
    try await RunningSidecar.with(limits: limits) { directory in
      let socket = try RawSocket(directory + "/engine.sock")
      try socket.send(Array(Self.health[..<9]))
      #expect(try socket.isAtEnd())
    }
  }

  // MARK: - Calls and streams

  @Test func callsArePipelinedAndAnsweredByID() async throws {
    try await RunningSidecar.with { directory in
      let socket = try RawSocket(directory + "/admin.sock")
      var bytes: [UInt8] = []
      for id in 1...20 { bytes += RawSocket.frame(#"{"id":\#(id),"method":"coxswain.v1.Admin/Status"}"#) }
      try socket.send(bytes)
      var ids: Set<UInt64> = []
      for _ in 1...20 { ids.insert(try #require(try socket.receive()).id) }
      #expect(ids == Set(1...20))
    }
  }

  @Test func aWatchedSnapshotStreamsUntilItIsCancelled() async throws {
    try await RunningSidecar.with { directory in
      let socket = try RawSocket(directory + "/admin.sock")
      try socket.send(
        RawSocket.frame(#"{"id":3,"method":"coxswain.v1.Resources/WatchSnapshot","message":{"interval_ms":100}}"#))
      for _ in 0..<3 {
        let item = try #require(try socket.receive())
        #expect(item.code == nil)
        #expect(item.message == ["memory": [:]])
      }
      try socket.send(RawSocket.frame(#"{"id":3,"cancel":true}"#))
      var last = try #require(try socket.receive())
      while last.code == nil { last = try #require(try socket.receive()) }
      #expect(last.code == .cancelled)
    }
  }

  @Test func aSlowReaderGetsAGapMarkerAndTheEndOfItsStream() async throws {
    var limits = SidecarLimits()
    limits.unreadBytes = 64 << 10
    let large: JSONValue = ["text": .string(String(repeating: "x", count: 1 << 20))]
    try await RunningSidecar.with(limits: limits, snapshot: large) { directory in
      let socket = try RawSocket(directory + "/admin.sock")
      try socket.send(
        RawSocket.frame(#"{"id":3,"method":"coxswain.v1.Resources/WatchSnapshot","message":{"interval_ms":100}}"#))
      // Long beside the interval: the loop that writes may have to wait for a processor.
      usleep(3_000_000)
      var replies: [Reply] = []
      while replies.last?.code == nil, replies.count < 20 { replies.append(try #require(try socket.receive())) }
      let gap = try #require(replies.dropLast().last?.message["gap"]?["lost"]?.integerValue)
      #expect(gap > 0)
      #expect(replies.last?.error?.details["reason"] == "SLOW_READER")
    }
  }

  @Test func aBrokenMessageOfAServiceNamesTheField() async throws {
    try await RunningSidecar.with { directory in
      let admin = try WireClient(path: directory + "/admin.sock")
      let reply = try admin.call(.requests, message: ["limit": 0])
      #expect(reply.code == .invalidArgument)
      #expect(reply.error?.details["field"] == "/limit")
      #expect(try admin.call(.requests, message: ["session": "s-99"]).code == .notFound)
      #expect(try admin.call(.healthCheck, message: ["service": "nobody"]).code == .notFound)
      #expect(try admin.call(.topology).code == .unavailable)
    }
  }

  @Test func reflectionListsEveryMethod() async throws {
    try await RunningSidecar.with { directory in
      let engine = try WireClient(path: directory + "/engine.sock")
      let methods = try #require(try engine.call(.reflectionList).message["methods"]?.arrayValue)
      #expect(Set(methods.compactMap { $0["method"]?.stringValue }) == Set(WireMethod.allCases.map(\.rawValue)))
    }
  }
}
