import NIOCore
import Synchronization
import WireProtocol

/// The open connections of one socket: counted against the limit, and ended together.
final class ConnectionSet: Sendable {
  private struct Contents {
    var channels: [ObjectIdentifier: any Channel] = [:]
    var isStopping = false
  }

  private let contents = Mutex(Contents())
  private let limit: Int

  init(limit: Int) { self.limit = limit }

  /// Takes a connection in. Returns why it must be refused, if it must.
  func add(_ channel: any Channel) -> CallError? {
    let limit = limit
    let refusal = contents.withLock { contents -> CallError? in
      guard !contents.isStopping else { return .stopping }
      guard contents.channels.count < limit else { return .tooManyConnections(limit) }
      contents.channels[ObjectIdentifier(channel)] = channel
      return nil
    }
    guard refusal == nil else { return refusal }
    channel.closeFuture.whenComplete { [self] _ in
      contents.withLock { $0.channels[ObjectIdentifier(channel)] = nil }
    }
    return nil
  }

  /// Takes nobody any more, and returns when all connections have given their last replies and are closed.
  func stop() async {
    let open = contents.withLock { contents in
      contents.isStopping = true
      return Array(contents.channels.values)
    }
    for channel in open { channel.pipeline.fireUserInboundEventTriggered(StopServing()) }
    for channel in open { try? await channel.closeFuture.get() }
  }
}
