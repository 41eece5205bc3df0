import WireProtocol

/// A blocking client of one Unix socket of the sidecar: what the CLI, the reference engine and the benchmark use.
///
/// Not for use from several threads at once. Calls are made one at a time; `send` and `receive` are the raw path of
/// callers that keep their own frames. Every wait is bounded by the caller's own deadline.
public final class WireClient {
  public static let defaultTimeoutUs = 5_000_000

  public let path: String
  private let limits: WireLimits
  private var socket: UnixSocket?
  private var buffer = ReceiveBuffer()
  private var writer = JSONWriter()
  private var lastID: UInt64 = 0

  /// Connects. - Parameter path: of the socket, at most 107 bytes.
  public init(
    path: String, limits: WireLimits = WireLimits(), connectTimeoutMs: Int = 1000
  ) throws(WireClientError) {
    self.path = path
    self.limits = limits
    socket = try UnixSocket.connected(to: path, timeoutUs: connectTimeoutMs * 1000)
  }

  /// Closes the connection; later calls throw `closed`.
  public func close() { socket = nil }

  public var isClosed: Bool { socket == nil }

  /// An id that no earlier request of this client used.
  public func nextID() -> UInt64 {
    lastID += 1
    return lastID
  }

  // MARK: - Calls

  /// Makes one call and waits for its reply, which may carry an error status. Replies to earlier calls that were given
  /// up on are skipped.
  /// - Parameter timeoutUs: this side's deadline, and the one that the peer is told.
  public func call(
    _ method: WireMethod, message: JSONValue = [:], timeoutUs: Int = defaultTimeoutUs
  ) throws(WireClientError) -> Reply {
    try call(method: method.rawValue, message: message, timeoutUs: timeoutUs)
  }

  /// The same for a method that this version has no name for.
  public func call(
    method: String, message: JSONValue = [:], timeoutUs: Int = defaultTimeoutUs
  ) throws(WireClientError) -> Reply {
    let deadline = Deadline(inUs: timeoutUs)
    let id = try request(method, message, timeoutUs: timeoutUs, by: deadline)
    while true {
      let reply = try reply(by: deadline)
      guard try answers(reply, id) else { continue }
      guard reply.code != nil else { throw .protocolViolation("an item of a stream answers \(method)") }
      return reply
    }
  }

  /// Makes one call that is answered by a stream, and hands every item to `onItem` until it returns false; the call is
  /// then cancelled.
  /// - Parameter idleTimeoutUs: longest wait for the next item.
  /// - Returns: the last reply, which carries the status; nil when `onItem` ended it.
  public func callStreaming(
    _ method: WireMethod, message: JSONValue = [:], idleTimeoutUs: Int = defaultTimeoutUs,
    onItem: (JSONValue) -> Bool
  ) throws(WireClientError) -> Reply? {
    let id = try request(method.rawValue, message, timeoutUs: nil, by: Deadline(inUs: idleTimeoutUs))
    while true {
      let reply = try reply(by: Deadline(inUs: idleTimeoutUs))
      guard try answers(reply, id) else { continue }
      if reply.code != nil { return reply }
      guard onItem(reply.message) else {
        writer.removeAll()
        RequestWriter.writeCancel(id: id, into: &writer)
        try send(writer.bytes, by: Deadline(inUs: idleTimeoutUs))
        return nil
      }
    }
  }

  private func request(
    _ method: String, _ message: JSONValue, timeoutUs: Int?, by deadline: Deadline
  ) throws(WireClientError) -> UInt64 {
    let id = nextID()
    writer.removeAll()
    RequestWriter.write(id: id, method: method, timeoutUs: timeoutUs, into: &writer) { message.write(into: &$0) }
    try send(writer.bytes, by: deadline)
    return id
  }

  private func reply(by deadline: Deadline) throws(WireClientError) -> Reply {
    let payload = try receive(by: deadline)
    do throws(JSONError) {
      return try Reply.parse(payload, limits: limits)
    } catch {
      throw .protocolViolation("unreadable reply: \(error.message) (byte \(error.offset))")
    }
  }

  /// False for a reply to an earlier call that was given up on.
  private func answers(_ reply: Reply, _ id: UInt64) throws(WireClientError) -> Bool {
    if reply.id == id { return true }
    if reply.id == 0, let error = reply.error { throw .rejected(error) }
    guard reply.id != 0, reply.id < id else { throw .protocolViolation("reply to id \(reply.id); expected \(id)") }
    return false
  }

  // MARK: - Frames

  /// Sends the whole frames in `frames`. If only a part could be sent in time the connection is closed: its framing
  /// would be lost (session rule 9).
  public func send(
    frames: borrowing JSONWriter, timeoutUs: Int = defaultTimeoutUs
  ) throws(WireClientError) {
    try send(frames.bytes, by: Deadline(inUs: timeoutUs))
  }

  private func send(_ bytes: [UInt8], by deadline: Deadline) throws(WireClientError) {
    var sent = 0
    while sent < bytes.count {
      do throws(WireClientError) {
        sent += try sendOnce(bytes, from: sent, by: deadline)
      } catch {
        if sent > 0 || error == .closed { close() }
        throw error
      }
    }
  }

  private func sendOnce(_ bytes: [UInt8], from start: Int, by deadline: Deadline) throws(WireClientError) -> Int {
    try bytes.span.bytes.withUnsafeBytes { (all) throws(WireClientError) in
      let rest = UnsafeRawBufferPointer(rebasing: all[start...])
      guard let count = try socket?.send(rest, by: deadline) else { throw .closed }
      return count
    }
  }

  /// Waits for the next whole frame and returns its payload. The bytes are valid until the next call of this client.
  /// After `timedOut` the frame is still awaited: call again.
  public func receive(timeoutUs: Int = defaultTimeoutUs) throws(WireClientError) -> UnsafeRawBufferPointer {
    try receive(by: Deadline(inUs: timeoutUs))
  }

  private func receive(by deadline: Deadline) throws(WireClientError) -> UnsafeRawBufferPointer {
    try fill(FrameHeader.byteCount, by: deadline)
    let length: Int
    do throws(CallError) {
      length = try FrameHeader.payloadLength(buffer.pending, limits: limits)
    } catch {
      close()
      throw .protocolViolation(error.message)
    }
    try fill(FrameHeader.byteCount + length, by: deadline)
    _ = buffer.take(FrameHeader.byteCount)
    return buffer.take(length)
  }

  private func fill(_ needed: Int, by deadline: Deadline) throws(WireClientError) {
    while buffer.count < needed {
      guard let count = try socket?.receive(into: buffer.room(for: needed), by: deadline) else { throw .closed }
      guard count > 0 else {
        close()
        throw .closed
      }
      buffer.filled(count)
    }
  }
}
