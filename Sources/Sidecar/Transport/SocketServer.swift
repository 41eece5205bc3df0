import Logging
import NIOCore
import NIOPosix
import WireProtocol

/// Listens on one socket and gives every connection its handler.
struct SocketServer: Sendable {
  let kind: SocketKind
  private let listener: any Channel
  private let connections: ConnectionSet

  /// - Parameters:
  ///   - path: of a socket to make; ignored when `descriptor` is given.
  ///   - descriptor: a listening socket from systemd.
  static func start(
    _ kind: SocketKind, path: String, descriptor: CInt?, group: any EventLoopGroup, services: Services, log: Logger
  ) async throws -> SocketServer {
    let connections = ConnectionSet(limit: services.limits.connections)
    let limits = services.limits
    let bootstrap = ServerBootstrap(group: group)
      .serverChannelOption(.backlog, value: 64)
      .childChannelOption(
        .writeBufferWaterMark, value: .init(low: limits.unreadBytes / 2, high: limits.unreadBytes)
      )
      .childChannelOption(.maxMessagesPerRead, value: 4)
      // One who says "that was all" still reads the answers.
      .childChannelOption(.allowRemoteHalfClosure, value: true)
      .childChannelInitializer { channel in
        if let refusal = connections.add(channel) {
          log.warning("connection refused", metadata: ["socket": "\(kind.rawValue)", "reason": "\(refusal.message)"])
          return refuse(channel, refusal)
        }
        return channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandler(ConnectionHandler(kind: kind, services: services, log: log))
        }
      }
    let listener =
      if let descriptor {
        try await bootstrap.withBoundSocket(descriptor).get()
      } else {
        try await bootstrap.bind(unixDomainSocketPath: path).get()
      }
    return SocketServer(kind: kind, listener: listener, connections: connections)
  }

  /// Tells a connection why it is closed.
  private static func refuse(_ channel: any Channel, _ error: CallError) -> EventLoopFuture<Void> {
    var writer = JSONWriter()
    ReplyEnvelope.write(id: 0, error: error, into: &writer)
    let bytes = ByteBuffer(bytes: writer.bytes)
    return channel.eventLoop.makeCompletedFuture {
      let eventLoop = channel.eventLoop
      eventLoop.execute { channel.writeAndFlush(bytes).whenComplete { _ in channel.close(promise: nil) } }
    }
  }

  /// Accepts nobody any more.
  func stopListening() async { try? await listener.close().get() }

  /// Every connection gets its last replies and is closed.
  func stopConnections() async { await connections.stop() }
}
