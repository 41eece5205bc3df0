import NIOCore
import NIOPosix
import WireProtocol

/// The floor under a Step's round trip: a server on the same transport that reads whole frames and answers each with
/// as many bytes as a Step's reply has, without looking at them.
struct EchoServer {
  private let group: MultiThreadedEventLoopGroup
  private let channel: any Channel

  /// - Parameter replyBytes: of the whole reply frame.
  static func start(path: String, replyBytes: Int) async throws -> EchoServer {
    let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    let channel = try await ServerBootstrap(group: group)
      // As the sidecar's connections have it.
      .childChannelOption(.maxMessagesPerRead, value: 4)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandler(EchoHandler(replyBytes: replyBytes))
        }
      }
      .bind(unixDomainSocketPath: path).get()
    return EchoServer(group: group, channel: channel)
  }

  func stop() async throws {
    try await channel.close()
    try await group.shutdownGracefully()
  }
}

/// Answers each whole frame.
private final class EchoHandler: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  private let reply: ByteBuffer
  private var pending = ByteBuffer()

  init(replyBytes: Int) {
    var reply = ByteBuffer()
    reply.writeInteger(UInt8(0))
    reply.writeInteger(UInt32(replyBytes - FrameHeader.byteCount))
    reply.writeRepeatingByte(UInt8(ascii: " "), count: replyBytes - FrameHeader.byteCount)
    self.reply = reply
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    var bytes = unwrapInboundIn(data)
    pending.writeBuffer(&bytes)
    while let length = pending.getInteger(at: pending.readerIndex + 1, as: UInt32.self),
      pending.readableBytes >= FrameHeader.byteCount + Int(length)
    {
      pending.moveReaderIndex(forwardBy: FrameHeader.byteCount + Int(length))
      context.writeAndFlush(wrapOutboundOut(reply), promise: nil)
    }
    if pending.readableBytes == 0 { pending.clear() }
  }
}
