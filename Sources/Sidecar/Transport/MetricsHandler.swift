import NIOCore
import NIOHTTP1

/// Answers one scraper, one request after the other.
final class MetricsHandler: ChannelInboundHandler {
  typealias InboundIn = HTTPServerRequestPart
  typealias OutboundOut = HTTPServerResponsePart

  /// A scraper that says nothing for so long is gone.
  private static let idleSeconds: Int64 = 120
  private let services: Services
  private var head: HTTPRequestHead?
  private var idleTimer: Scheduled<Void>?

  init(services: Services) { self.services = services }

  func channelActive(context: ChannelHandlerContext) {
    waitForRequest(context)
    context.fireChannelActive()
  }

  func channelInactive(context: ChannelHandlerContext) {
    idleTimer?.cancel()
    context.fireChannelInactive()
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if event is StopServing { context.close(promise: nil) }
    context.fireUserInboundEventTriggered(event)
  }

  private func waitForRequest(_ context: ChannelHandlerContext) {
    idleTimer?.cancel()
    let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
    idleTimer = context.eventLoop.scheduleTask(in: .seconds(Self.idleSeconds)) { bound.value.close(promise: nil) }
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    switch unwrapInboundIn(data) {
    case .head(let head): self.head = head
    case .body: return
    case .end:
      guard let head else { return }
      self.head = nil
      waitForRequest(context)
      answer(head, context)
    }
  }

  private func answer(_ head: HTTPRequestHead, _ context: ChannelHandlerContext) {
    guard head.method == .GET || head.method == .HEAD else {
      return respond(head, .methodNotAllowed, "GET and HEAD are served here\n", context)
    }
    switch head.uri.prefix(while: { $0 != "?" }) {
    case "/metrics": scrape(head, context)
    case "/livez": respond(head, .ok, "alive\n", context)
    case "/readyz":
      let isServing = services.health.now.isReady
      respond(head, isServing ? .ok : .serviceUnavailable, isServing ? "SERVING\n" : "NOT_SERVING\n", context)
    default: respond(head, .notFound, "there are /metrics, /livez and /readyz\n", context)
    }
  }

  private func scrape(_ head: HTTPRequestHead, _ context: ChannelHandlerContext) {
    let services = services
    let bound = NIOLoopBound((handler: self, context: context), eventLoop: context.eventLoop)
    let eventLoop = context.eventLoop
    _ = services.tasks.start(on: services.executor) {
      let text = await services.metricsText()
      eventLoop.execute {
        let (handler, context) = bound.value
        handler.respond(head, .ok, text, context)
      }
    }
  }

  private func respond(
    _ head: HTTPRequestHead, _ status: HTTPResponseStatus, _ text: String, _ context: ChannelHandlerContext
  ) {
    guard context.channel.isActive else { return }
    let body = ByteBuffer(string: text)
    var headers = HTTPHeaders()
    headers.add(
      name: "Content-Type", value: status == .ok && text.hasPrefix("#") ? MetricsText.contentType : "text/plain")
    headers.add(name: "Content-Length", value: "\(body.readableBytes)")
    if status == .methodNotAllowed { headers.add(name: "Allow", value: "GET, HEAD") }
    let response = HTTPResponseHead(version: head.version, status: status, headers: headers)
    context.write(wrapOutboundOut(.head(response)), promise: nil)
    if head.method != .HEAD { context.write(wrapOutboundOut(.body(.byteBuffer(body))), promise: nil) }
    let isLast = !head.isKeepAlive
    let written = context.eventLoop.makePromise(of: Void.self)
    let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
    written.futureResult.whenComplete { _ in if isLast { bound.value.close(promise: nil) } }
    context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: written)
  }
}
