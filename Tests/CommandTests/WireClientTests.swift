import Foundation
import Testing
import WireClient
import WireProtocol

/// The blocking client against a peer that does everything a socket may do.
@Suite struct WireClientTests {
  private static let shortUs = 50_000

  @Test func aReplyInSingleBytesArrivesWhole() throws {
    let peer = try FakePeer()
    peer.accept { connection in
      _ = connection.receive()
      for byte in FakePeer.Connection.frame(#"{"id":1,"status":{"code":"OK"},"message":{"a":[1,2]}}"#) {
        connection.send([byte])
      }
    }
    let reply = try WireClient(path: peer.path).call(.status)
    #expect(reply.code == .ok)
    #expect(reply.message == ["a": [1, 2]])
  }

  @Test func whatIsSentIsARequest() throws {
    let peer = try FakePeer()
    peer.accept { connection in
      let request = connection.receive() ?? .null
      connection.send(frame: "{\"id\":1,\"status\":{\"code\":\"OK\"},\"message\":{\"echo\":\(request.text)}}")
    }
    let reply = try WireClient(path: peer.path).call(.requests, message: ["limit": 5], timeoutUs: 2_000_000)
    let expected: JSONValue = [
      "id": 1, "method": "coxswain.v1.Admin/Requests", "timeout_us": 2_000_000, "message": ["limit": 5],
    ]
    #expect(reply.message["echo"] == expected)
  }

  @Test func anErrorStatusIsAReply() throws {
    let peer = try FakePeer()
    peer.accept { connection in
      _ = connection.receive()
      connection.send(
        frame: #"{"id":1,"status":{"code":"NOT_FOUND","message":"no","details":{"field":"/x"}},"message":{}}"#)
    }
    let reply = try WireClient(path: peer.path).call(.status)
    #expect(reply.error == CallError(.notFound, "no", details: ["field": "/x"]))
  }

  @Test func aLateReplyIsSkipped() throws {
    let peer = try FakePeer()
    peer.accept { connection in
      _ = connection.receive()
      _ = connection.receive()
      // Both answers in one segment.
      connection.send(
        FakePeer.Connection.frame(#"{"id":1,"status":{"code":"OK"},"message":{"late":true}}"#)
          + FakePeer.Connection.frame(#"{"id":2,"status":{"code":"OK"},"message":{"late":false}}"#))
    }
    let client = try WireClient(path: peer.path)
    #expect(throws: WireClientError.timedOut(afterUs: Self.shortUs)) {
      try client.call(.status, timeoutUs: Self.shortUs)
    }
    #expect(!client.isClosed)
    #expect(try client.call(.status).message["late"] == false)
  }

  @Test(arguments: [
    (#"{"id":9,"status":{"code":"OK"},"message":{}}"#, "id 9"), ("nonsense", "unreadable"), ("{}", "unreadable"),
    (#"{"id":0,"status":{"code":"INVALID_ARGUMENT","message":"bad"},"message":{}}"#, "rejected: INVALID_ARGUMENT: bad"),
    (#"{"id":1,"message":{}}"#, "stream"), (#"{"id":1,"status":{"code":"FINE"},"message":{}}"#, "unreadable"),
  ])
  func whatIsNoReplyIsAViolation(_ payload: String, _ part: String) throws {
    let peer = try FakePeer()
    peer.accept { connection in
      _ = connection.receive()
      connection.send(frame: payload)
      connection.waitForEnd()
    }
    let client = try WireClient(path: peer.path)
    let error = #expect(throws: WireClientError.self) { try client.call(.status) }
    let description = error?.description ?? ""
    #expect(description.contains(part), "\(description)")
  }

  @Test(arguments: [[0, 0xFF, 0xFF, 0xFF, 0xFF], [1, 0, 0, 0, 2]] as [[UInt8]])
  func aHeaderThatCannotBeClosesTheConnection(_ header: [UInt8]) throws {
    let peer = try FakePeer()
    peer.accept { connection in
      connection.send(header)
      connection.waitForEnd()
    }
    let client = try WireClient(path: peer.path)
    let error = #expect(throws: WireClientError.self) { try client.receive() }
    if case .protocolViolation = error {} else { Issue.record("\(String(describing: error))") }
    #expect(throws: WireClientError.closed) { try client.call(.status) }
  }

  @Test(arguments: [0, 3, 5, 20])
  func anEndAfterSoManyBytesIsClosed(_ count: Int) throws {
    let peer = try FakePeer()
    peer.accept { connection in
      _ = connection.receive()
      connection.send(FakePeer.Connection.frame(#"{"id":1,"status":{"code":"OK"},"message":{}}"#).prefix(count))
    }
    let client = try WireClient(path: peer.path)
    #expect(throws: WireClientError.closed) { try client.call(.status) }
    #expect(client.isClosed)
  }

  @Test func aLargeFrameIsSentInParts() throws {
    let peer = try FakePeer()
    peer.accept { connection in
      usleep(20_000)
      let text = connection.receive()?["message"]?["text"]?.stringValue ?? ""
      connection.send(frame: "{\"id\":1,\"status\":{\"code\":\"OK\"},\"message\":{\"count\":\(text.utf8.count)}}")
    }
    let count = 3_000_000
    let message: JSONValue = ["text": .string(String(repeating: "x", count: count))]
    let reply = try WireClient(path: peer.path).call(.plan, message: message, timeoutUs: 30_000_000)
    #expect(reply.message["count"]?.integerValue == count)
  }

  @Test func aLargeFrameIsReceived() throws {
    let peer = try FakePeer()
    let text = String(repeating: "y", count: 2_000_000)
    peer.accept { connection in
      _ = connection.receive()
      // Send blocks until the client has read it all.
      connection.send(frame: "{\"id\":1,\"status\":{\"code\":\"OK\"},\"message\":{\"text\":\"\(text)\"}}")
    }
    let reply = try WireClient(path: peer.path).call(.status, timeoutUs: 30_000_000)
    #expect(reply.message["text"]?.stringValue == text)
  }

  @Test func aHalfWrittenFrameClosesTheConnection() throws {
    let peer = try FakePeer()
    let isOver = DispatchSemaphore(value: 0)
    peer.accept { _ in isOver.wait() }
    let client = try WireClient(path: peer.path)
    let message: JSONValue = ["text": .string(String(repeating: "x", count: 3_000_000))]
    #expect(throws: WireClientError.timedOut(afterUs: Self.shortUs)) {
      try client.call(.plan, message: message, timeoutUs: Self.shortUs)
    }
    #expect(client.isClosed)
    isOver.signal()
  }

  @Test func writingToAnEndedConnectionRaisesNoSignal() throws {
    let peer = try FakePeer()
    let isOver = DispatchSemaphore(value: 0)
    peer.accept { _ in isOver.signal() }
    let client = try WireClient(path: peer.path)
    isOver.wait()
    usleep(20_000)
    #expect(throws: WireClientError.closed) { try client.call(.status) }
  }

  @Test func aStreamYieldsItemsUntilItsStatus() throws {
    let peer = try FakePeer()
    peer.accept { connection in
      _ = connection.receive()
      for index in 0..<3 { connection.send(frame: "{\"id\":1,\"message\":{\"i\":\(index)}}") }
      connection.send(frame: #"{"id":1,"status":{"code":"OK"},"message":{}}"#)
    }
    var items: [JSONValue] = []
    let last = try WireClient(path: peer.path).callStreaming(.watchSnapshot) { item in
      items.append(item)
      return true
    }
    #expect(items == [["i": 0], ["i": 1], ["i": 2]])
    #expect(last?.code == .ok)
  }

  @Test func aStreamThatIsEnoughIsCancelled() throws {
    let peer = try FakePeer()
    peer.accept { connection in
      _ = connection.receive()
      connection.send(frame: #"{"id":1,"message":{"i":0}}"#)
      guard connection.receive() == ["id": 1, "cancel": true] else { return }
      connection.send(frame: #"{"id":1,"status":{"code":"CANCELLED"},"message":{}}"#)
      _ = connection.receive()
      connection.send(frame: #"{"id":2,"status":{"code":"OK"},"message":{"after":true}}"#)
    }
    let client = try WireClient(path: peer.path)
    #expect(try client.callStreaming(.watchSnapshot) { _ in false } == nil)
    #expect(try client.call(.status).message["after"] == true)
  }

  // MARK: - Connecting

  @Test func noSocketIsNotFound() throws {
    let directory = try TemporaryDirectory()
    let path = directory.path + "/none.sock"
    #expect(throws: WireClientError.notFound(path: path)) { _ = try WireClient(path: path) }
  }

  @Test func aSocketWithoutListenerIsRefused() throws {
    let peer = try FakePeer()
    peer.die()
    #expect(throws: WireClientError.refused(path: peer.path)) { _ = try WireClient(path: peer.path) }
  }

  @Test func aFileThatIsNoSocketIsRefused() throws {
    let directory = try TemporaryDirectory()
    let path = try directory.file("plain", "")
    #expect(throws: WireClientError.refused(path: path)) { _ = try WireClient(path: path) }
  }

  @Test func aPathBeyondTheKernelsLimitIsNamed() {
    let path = "/tmp/" + String(repeating: "x", count: 120)
    #expect(throws: WireClientError.pathTooLong(path: path, limit: 107)) { _ = try WireClient(path: path) }
  }

  @Test func aFullBacklogTimesOut() throws {
    let peer = try FakePeer(backlog: 0)
    var clients: [WireClient] = []
    #expect(throws: WireClientError.timedOut(afterUs: Self.shortUs)) {
      for _ in 0..<8 { clients.append(try WireClient(path: peer.path, connectTimeoutMs: Self.shortUs / 1000)) }
    }
  }
}
