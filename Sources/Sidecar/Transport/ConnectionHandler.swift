import Logging
import NIOCore
import SchedulerCore
import WireProtocol

/// One connection: cuts frames, answers scheduler calls on the spot, and hands the others to the services.
final class ConnectionHandler: ChannelDuplexHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  let kind: SocketKind
  let services: Services
  let limits: SidecarLimits
  /// Only on the engine socket.
  let session: EngineSession?
  var calls: CallTable
  /// Replies of the event that is being handled; empty between events.
  var writer = JSONWriter()
  private let log: Logger
  private var assembler: FrameAssembler
  private var out = ByteBuffer()
  private var partialTimer: Scheduled<Void>?
  private var slowTimer: Scheduled<Void>?
  private var connectionID: UInt64 = 0
  /// Only on the engine socket, from `handlerAdded` on.
  private(set) var busyPoll: BusyPoll?
  /// Who is at the other end; nil until the kernel has said.
  private(set) var peer: PeerCredentials?
  private var isClosed = false
  /// Nothing new is taken; the connection closes when its calls are answered.
  private var isEnding = false
  /// A read was asked for while it had to wait.
  private var isReadHeld = false

  init(kind: SocketKind, services: Services, log: Logger) {
    self.kind = kind
    self.services = services
    self.log = log
    limits = services.limits
    assembler = FrameAssembler(limits: services.limits.wire)
    calls = CallTable(limit: services.limits.callsPerConnection)
    session =
      kind == .engine
      ? EngineSession(
        registry: services.registry, limits: services.limits, resources: services.resources.current(), log: log,
        clock: MonotonicClock.nowUs) : nil
  }

  // MARK: - Life

  func handlerAdded(context: ChannelHandlerContext) {
    let eventLoop = context.eventLoop
    if kind == .engine { busyPoll = BusyPoll(on: eventLoop, clock: MonotonicClock.nowUs) }
    let bound = NIOLoopBound(self, eventLoop: eventLoop)
    PeerCredentials.read(context.channel).whenSuccess { credentials in
      let handler = bound.value
      guard !handler.isClosed else { return }
      handler.peer = credentials
      guard let session = handler.session else { return }
      handler.connectionID = handler.services.sessions.add(SessionHandle(session, on: eventLoop, peer: credentials))
    }
  }

  func channelInactive(context: ChannelHandlerContext) {
    isClosed = true
    busyPoll?.end()
    partialTimer?.cancel()
    slowTimer?.cancel()
    calls.cancelAll()
    session?.leave()
    if let session { services.ended.keep(session.recording()) }
    services.sessions.remove(connectionID)
    context.fireChannelInactive()
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    log.debug("connection failed", metadata: ["error": "\(error)"])
    context.close(promise: nil)
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if event is StopServing {
      endForStop(context)
    } else if case ChannelEvent.inputClosed = event {
      // The end of the stream ends the session; calls that are being answered still get their replies.
      session?.leave()
      end(context)
    } else {
      context.fireUserInboundEventTriggered(event)
    }
  }

  private func endForStop(_ context: ChannelHandlerContext) {
    let stopping = CallError.stopping
    for id in calls.cancelAll(.watchSnapshot) { ReplyEnvelope.write(id: id, error: stopping, into: &writer) }
    flush(context)
    end(context)
    close(context, after: limits.drainMs, "its last replies took too long")
  }

  private func end(_ context: ChannelHandlerContext) {
    isEnding = true
    partialTimer?.cancel()
    closeIfDone(context)
  }

  /// Closes behind the replies once nothing is left to answer.
  private func closeIfDone(_ context: ChannelHandlerContext) {
    guard isEnding, calls.isEmpty, !isClosed else { return }
    closeBehindReplies(context)
  }

  private func closeBehindReplies(_ context: ChannelHandlerContext) {
    let written = context.eventLoop.makePromise(of: Void.self)
    let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
    written.futureResult.whenComplete { _ in bound.value.close(promise: nil) }
    context.writeAndFlush(wrapOutboundOut(ByteBuffer()), promise: written)
    close(context, after: limits.slowReaderMs, "the peer does not read its last replies")
  }

  // MARK: - Back-pressure

  /// A peer that does not read its replies is not read either.
  func read(context: ChannelHandlerContext) {
    guard context.channel.isWritable, !isEnding else {
      isReadHeld = true
      return
    }
    context.read()
  }

  func channelWritabilityChanged(context: ChannelHandlerContext) {
    slowTimer?.cancel()
    slowTimer = nil
    if context.channel.isWritable {
      if isReadHeld {
        isReadHeld = false
        read(context: context)
      }
    } else {
      slowTimer = close(context, after: limits.slowReaderMs, "the peer does not read its replies")
    }
    context.fireChannelWritabilityChanged()
  }

  /// Closes the connection in a while unless it is closed by then.
  @discardableResult
  private func close(_ context: ChannelHandlerContext, after delayMs: Int, _ reason: String) -> Scheduled<Void> {
    let bound = NIOLoopBound((handler: self, context: context), eventLoop: context.eventLoop)
    return context.eventLoop.scheduleTask(in: .milliseconds(Int64(delayMs))) {
      guard !bound.value.handler.isClosed else { return }
      bound.value.handler.log.notice("connection closed", metadata: ["reason": "\(reason)"])
      bound.value.context.close(promise: nil)
    }
  }

  // MARK: - Frames

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    guard !isEnding else { return }
    let receivedUs = MonotonicClock.nowUs()
    var gotFrame = false
    assembler.append(unwrapInboundIn(data))
    do throws(CallError) {
      while try assembler.next({ handle($0, rest: $1, receivedUs, context) }) { gotFrame = true }
    } catch {
      ReplyEnvelope.write(id: 0, error: error, into: &writer)
      flush(context)
      log.notice("framing lost", metadata: ["reason": "\(error.message)"])
      isEnding = true
      return closeBehindReplies(context)
    }
    flush(context)
    watchPartialFrame(context, isNew: gotFrame)
  }

  /// The time runs from a frame's first bytes, however slowly the others drip in.
  private func watchPartialFrame(_ context: ChannelHandlerContext, isNew: Bool) {
    guard assembler.isPartial else {
      partialTimer?.cancel()
      partialTimer = nil
      return
    }
    guard isNew || partialTimer == nil else { return }
    partialTimer?.cancel()
    partialTimer = close(context, after: limits.partialFrameMs, "a frame stayed incomplete")
  }

  func flush(_ context: ChannelHandlerContext) {
    guard !writer.bytes.isEmpty else { return }
    send(context)
    writer.removeAll()
  }

  /// Sends what is written and keeps it.
  func send(_ context: ChannelHandlerContext) {
    out.clear()
    out.writeBytes(writer.bytes)
    context.writeAndFlush(wrapOutboundOut(out), promise: nil)
  }

  // MARK: - Replies of calls answered elsewhere

  /// Writes the last reply of a call unless it was given up meanwhile.
  func finish(_ tag: CallTable.Tag, _ result: Result<JSONValue, CallError>, _ context: ChannelHandlerContext) {
    guard calls.finish(tag) else { return }
    write(tag.id, result)
    flush(context)
    closeIfDone(context)
  }

  /// Writes one item of a stream.
  func item(_ tag: CallTable.Tag, _ value: JSONValue, _ context: ChannelHandlerContext) -> StreamDelivery {
    guard calls.contains(tag), context.channel.isActive else { return .over }
    guard context.channel.isWritable else { return .slow }
    ReplyEnvelope.write(id: tag.id, item: value, into: &writer)
    flush(context)
    return .delivered
  }

  /// A call's deadline is over.
  func expire(_ id: UInt64, _ context: ChannelHandlerContext) {
    guard calls.cancel(id) else { return }
    write(id, .failure(CallError(.deadlineExceeded, "not answered in time")))
    flush(context)
    closeIfDone(context)
  }

  private func write(_ id: UInt64, _ result: Result<JSONValue, CallError>) {
    switch result {
    case .success(let message):
      ReplyEnvelope.write(id: id, message: message, into: &writer)
      guard writer.bytes.count - FrameHeader.byteCount > limits.wire.frameBytes else { return }
      writer.removeAll()
      ReplyEnvelope.write(id: id, error: .replyTooLarge(limits.wire.frameBytes), into: &writer)
    case .failure(let error): ReplyEnvelope.write(id: id, error: error, into: &writer)
    }
  }
}
