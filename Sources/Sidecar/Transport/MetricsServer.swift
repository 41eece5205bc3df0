import Logging
import NIOCore
import NIOHTTP1
import NIOPosix

/// An HTTP port on the loopback address for scrapers and probes: `/metrics`, `/livez`, `/readyz`. Nothing else is
/// served there, and nobody else reaches it.
struct MetricsServer: Sendable {
  private let listener: any Channel
  private let connections: ConnectionSet
  let port: Int

  static let host = "127.0.0.1"
  /// Scrapers at a time.
  static let connectionLimit = 16

  /// - Parameter port: 0 takes any free one.
  static func start(port: Int, group: any EventLoopGroup, services: Services) async throws -> MetricsServer {
    let connections = ConnectionSet(limit: connectionLimit)
    let listener = try await ServerBootstrap(group: group)
      .serverChannelOption(.backlog, value: 16)
      .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
      .childChannelInitializer { channel in
        guard connections.add(channel) == nil else { return channel.close() }
        return channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.configureHTTPServerPipeline(withErrorHandling: true)
          try channel.pipeline.syncOperations.addHandler(MetricsHandler(services: services))
        }
      }
      .bind(host: host, port: port).get()
    return MetricsServer(
      listener: listener, connections: connections, port: listener.localAddress?.port ?? port)
  }

  func stop() async {
    try? await listener.close().get()
    await connections.stop()
  }
}
