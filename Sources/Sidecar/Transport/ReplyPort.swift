import NIOCore
import WireProtocol

/// Where a call answered elsewhere sends its replies: back to its connection's event loop.
struct ReplyPort: Sendable {
  private let tag: CallTable.Tag
  private let handler: NIOLoopBound<ConnectionHandler>
  private let context: NIOLoopBound<ChannelHandlerContext>
  private let eventLoop: any EventLoop

  /// On the connection's event loop.
  init(tag: CallTable.Tag, handler: ConnectionHandler, context: ChannelHandlerContext) {
    self.tag = tag
    eventLoop = context.eventLoop
    self.handler = NIOLoopBound(handler, eventLoop: eventLoop)
    self.context = NIOLoopBound(context, eventLoop: eventLoop)
  }

  func finish(_ result: Result<JSONValue, CallError>) {
    eventLoop.execute { handler.value.finish(tag, result, context.value) }
  }

  func send(_ item: JSONValue) async -> StreamDelivery {
    let delivery = try? await eventLoop.submit { handler.value.item(tag, item, context.value) }.get()
    return delivery ?? .over
  }
}
