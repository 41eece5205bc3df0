import NIOCore
import WireProtocol

extension ConnectionHandler {
  /// Frames behind a Step that are searched for its cancel; an engine sends nothing else before it has the reply.
  private static let cancelSearchFrames = 16
  /// One day: a longer deadline is none.
  private static let longestTimeoutUs = 86_400_000_000

  /// Answers one payload, or starts answering it.
  /// - Parameters:
  ///   - rest: bytes that arrived behind the payload.
  ///   - receivedUs: when the payload was complete.
  func handle(
    _ payload: UnsafeRawBufferPointer, rest: UnsafeRawBufferPointer, _ receivedUs: Int,
    _ context: ChannelHandlerContext
  ) {
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
      busyPoll?.end(atUs: receivedUs)
      guard let session else { return refuse(envelope.id, WireMethod.step.rawValue) }
      session.step(
        id: envelope.id, timeoutUs: envelope.timeoutUs, message: message, receivedUs: receivedUs,
        isCancelled: { self.isCancelled(envelope.id, in: rest) }, into: &writer)
      send(context)
      session.note(message, writer.bytes)
      writer.removeAll()
    case .known(let method) where kind.serves(method): serve(method, envelope, message, context)
    case .known(let method): refuse(envelope.id, method.rawValue)
    case .unknown(let name): refuse(envelope.id, name)
    }
  }

  private func refuse(_ id: UInt64, _ method: String) {
    ReplyEnvelope.write(id: id, error: kind.refusal(method), into: &writer)
  }

  /// Whether one of the next frames, already here, cancels call `id`.
  private func isCancelled(_ id: UInt64, in rest: UnsafeRawBufferPointer) -> Bool {
    var rest = rest
    for _ in 0..<Self.cancelSearchFrames {
      guard !rest.isEmpty, let payload = FrameAssembler.peek(rest, limits: limits.wire) else { return false }
      if let envelope = try? RequestEnvelope.parse(payload, limits: limits.wire), envelope.isCancel, envelope.id == id {
        return true
      }
      rest = UnsafeRawBufferPointer(rebasing: rest[(FrameHeader.byteCount + payload.count)...])
    }
    return false
  }

  /// An engine that cancels what was answered long ago says that its next Step comes soon.
  private func cancel(_ id: UInt64) {
    guard calls.cancel(id) else {
      busyPoll?.begin(limits.busyPollUs)
      return
    }
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
    let tag = try calls.open(envelope.id)
    let port = ReplyPort(tag: tag, handler: self, context: context)
    let services = services
    let peer = peer
    let task = services.tasks.start(on: services.executor) {
      if method.isStream {
        await services.stream(method, message, to: port)
      } else {
        await port.finish(services.answer(method, message, from: peer))
      }
    }
    calls.start(tag, method, task, deadline: deadline(of: method, envelope, context))
  }

  /// Streams have none: they end when they are cancelled.
  private func deadline(
    of method: WireMethod, _ envelope: RequestEnvelope, _ context: ChannelHandlerContext
  ) -> Scheduled<Void>? {
    guard let timeoutUs = envelope.timeoutUs, !method.isStream else { return nil }
    let bound = NIOLoopBound((handler: self, context: context), eventLoop: context.eventLoop)
    let id = envelope.id
    return context.eventLoop.scheduleTask(in: .microseconds(Int64(min(timeoutUs, Self.longestTimeoutUs)))) {
      bound.value.handler.expire(id, bound.value.context)
    }
  }
}
