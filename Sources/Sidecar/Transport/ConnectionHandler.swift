import Logging
import NIOCore
import SchedulerCore
import WireProtocol

/// One connection: cuts frames, answers scheduler calls on the spot, and hands the others to the services.
final class ConnectionHandler: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  private let kind: SocketKind
  private let services: Services
  private let limits: SidecarLimits
  private let log: Logger
  /// Only on the engine socket.
  private let session: EngineSession?
  private var assembler: FrameAssembler
  private var calls: CallTable
  private var writer = JSONWriter()
  private var out = ByteBuffer()
  private var partialTimer: Scheduled<Void>?
  private var connectionID: UInt64 = 0
  private var isClosed = false

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
    guard let session else { return }
    let eventLoop = context.eventLoop
    let bound = NIOLoopBound((handler: self, session: session), eventLoop: eventLoop)
    PeerCredentials.read(context.channel).whenSuccess { credentials in
      let (handler, session) = bound.value
      guard !handler.isClosed else { return }
      handler.connectionID = handler.services.sessions.add(SessionHandle(session, on: eventLoop, peer: credentials))
    }
  }

  func channelInactive(context: ChannelHandlerContext) {
    isClosed = true
    partialTimer?.cancel()
    calls.cancelAll()
    session?.leave()
    services.sessions.remove(connectionID)
    context.fireChannelInactive()
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    log.debug("connection failed", metadata: ["error": "\(error)"])
    context.close(promise: nil)
  }

  // MARK: - Frames

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    assembler.append(unwrapInboundIn(data))
    do throws(CallError) {
      while try assembler.next({ handle($0, rest: $1, context) }) {}
    } catch {
      ReplyEnvelope.write(id: 0, error: error, into: &writer)
      flush(context)
      log.notice("framing lost", metadata: ["reason": "\(error.message)"])
      context.close(promise: nil)
      return
    }
    flush(context)
    watchPartialFrame(context)
  }

  private func watchPartialFrame(_ context: ChannelHandlerContext) {
    partialTimer?.cancel()
    partialTimer = nil
    guard assembler.isPartial else { return }
    let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
    partialTimer = context.eventLoop.scheduleTask(in: .milliseconds(Int64(limits.partialFrameMs))) {
      bound.value.close(promise: nil)
    }
  }

  private func flush(_ context: ChannelHandlerContext) {
    guard !writer.bytes.isEmpty else { return }
    out.clear()
    out.writeBytes(writer.bytes)
    writer.removeAll()
    context.writeAndFlush(wrapOutboundOut(out), promise: nil)
  }

  // MARK: - Calls

  private func handle(_ payload: UnsafeRawBufferPointer, rest: UnsafeRawBufferPointer, _ context: ChannelHandlerContext)
  {
    let receivedUs = MonotonicClock.nowUs()
    let envelope: RequestEnvelope
    do throws(EnvelopeError) {
      envelope = try RequestEnvelope.parse(payload, limits: limits.wire)
    } catch {
      return ReplyEnvelope.write(id: error.id, error: error.error, into: &writer)
    }
    if envelope.isCancel { return cancel(envelope.id) }
    let message = UnsafeRawBufferPointer(rebasing: payload[envelope.message])
    switch envelope.method {
    case .known(.step) where kind == .engine:
      session?.step(
        id: envelope.id, timeoutUs: envelope.timeoutUs, message: message, receivedUs: receivedUs,
        isCancelled: { self.isCancel(rest, of: envelope.id) }, into: &writer)
    case .known(let method) where kind.serves(method): serve(method, envelope, message, context)
    case .known(let method): refuse(envelope.id, method.rawValue)
    case .unknown(let name): refuse(envelope.id, name)
    }
  }

  private func refuse(_ id: UInt64, _ method: String) {
    ReplyEnvelope.write(id: id, error: kind.refusal(method), into: &writer)
  }

  /// Whether the next frame, already here, cancels call `id`.
  private func isCancel(_ rest: UnsafeRawBufferPointer, of id: UInt64) -> Bool {
    guard !rest.isEmpty, let payload = FrameAssembler.peek(rest, limits: limits.wire),
      let envelope = try? RequestEnvelope.parse(payload, limits: limits.wire)
    else { return false }
    return envelope.isCancel && envelope.id == id
  }

  private func cancel(_ id: UInt64) {
    guard calls.cancel(id) else { return }
    ReplyEnvelope.write(id: id, error: CallError(.cancelled, "cancelled by the caller"), into: &writer)
  }

  private func serve(
    _ method: WireMethod, _ envelope: RequestEnvelope, _ bytes: UnsafeRawBufferPointer,
    _ context: ChannelHandlerContext
  ) {
    do throws(CallError) {
      let message = try Self.message(bytes, limits.wire)
      switch method {
      case .register, .unregister:
        guard let session else { return refuse(envelope.id, method.rawValue) }
        let answer = method == .register ? try session.register(message) : try session.unregister()
        ReplyEnvelope.write(id: envelope.id, message: answer, into: &writer)
      default: try start(method, envelope, message, context)
      }
    } catch {
      ReplyEnvelope.write(id: envelope.id, error: error, into: &writer)
    }
  }

  private static func message(_ bytes: UnsafeRawBufferPointer, _ limits: WireLimits) throws(CallError) -> JSONValue {
    guard !bytes.isEmpty else { return [:] }
    do throws(JSONError) { return try JSONValue(parsing: bytes, limits: limits) } catch { throw .invalid(error) }
  }

  /// Answers a call off this loop; its replies come back here.
  private func start(
    _ method: WireMethod, _ envelope: RequestEnvelope, _ message: JSONValue, _ context: ChannelHandlerContext
  ) throws(CallError) {
    let replies = ReplyPort(
      id: envelope.id, handler: self, context: context, eventLoop: context.eventLoop)
    let services = services
    let task = Task {
      if method.isStream {
        await services.stream(method, message, to: replies)
      } else {
        await replies.finish(services.answer(method, message))
      }
    }
    do throws(CallError) { try calls.add(envelope.id, task) } catch {
      task.cancel()
      throw error
    }
    guard let timeoutUs = envelope.timeoutUs, !method.isStream else { return }
    let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
    let contextBound = NIOLoopBound(context, eventLoop: context.eventLoop)
    context.eventLoop.scheduleTask(in: .microseconds(Int64(min(timeoutUs, Self.longestTimeoutUs)))) {
      bound.value.expire(envelope.id, contextBound.value)
    }
  }

  /// One day: a longer deadline is none.
  private static let longestTimeoutUs = 86_400_000_000

  private func expire(_ id: UInt64, _ context: ChannelHandlerContext) {
    guard calls.cancel(id) else { return }
    ReplyEnvelope.write(id: id, error: CallError(.deadlineExceeded, "not answered in time"), into: &writer)
    flush(context)
  }

  // MARK: - Replies of calls (on this loop)

  /// Writes the last reply of a call unless it was cancelled meanwhile.
  func finish(_ id: UInt64, _ result: Result<JSONValue, CallError>, _ context: ChannelHandlerContext) {
    guard calls.remove(id) else { return }
    switch result {
    case .success(let message): ReplyEnvelope.write(id: id, message: message, into: &writer)
    case .failure(let error): ReplyEnvelope.write(id: id, error: error, into: &writer)
    }
    flush(context)
  }

  /// Writes one item of a stream. False when the reader is too slow to take it, or the call is over.
  func item(_ id: UInt64, _ value: JSONValue, _ context: ChannelHandlerContext) -> StreamDelivery {
    guard calls.contains(id), context.channel.isActive else { return .over }
    guard context.channel.isWritable else { return .slow }
    ReplyEnvelope.write(id: id, item: value, into: &writer)
    flush(context)
    return .delivered
  }

  func close(_ context: ChannelHandlerContext) { context.close(promise: nil) }
}
