import NIOCore
import WireProtocol

/// Where a call answered elsewhere sends its replies: back to its connection's event loop.
struct ReplyPort: Sendable {
  private let id: UInt64
  private let handler: NIOLoopBound<ConnectionHandler>
  private let context: NIOLoopBound<ChannelHandlerContext>
  private let eventLoop: any EventLoop

  /// On the connection's event loop.
  init(id: UInt64, handler: ConnectionHandler, context: ChannelHandlerContext, eventLoop: any EventLoop) {
    self.id = id
    self.handler = NIOLoopBound(handler, eventLoop: eventLoop)
    self.context = NIOLoopBound(context, eventLoop: eventLoop)
    self.eventLoop = eventLoop
  }

  func finish(_ result: Result<JSONValue, CallError>) {
    eventLoop.execute { handler.value.finish(id, result, context.value) }
  }

  func send(_ item: JSONValue) async -> StreamDelivery {
    let delivery = try? await eventLoop.submit { handler.value.item(id, item, context.value) }.get()
    return delivery ?? .over
  }

  func closeConnection() {
    eventLoop.execute { handler.value.close(context.value) }
  }
}
