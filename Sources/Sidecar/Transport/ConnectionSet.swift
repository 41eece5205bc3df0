import NIOCore
import Synchronization

/// The open connections of one socket: counted against the limit, and closed together at the end.
final class ConnectionSet: Sendable {
  private let channels = Mutex<[ObjectIdentifier: any Channel]>([:])
  private let limit: Int

  init(limit: Int) { self.limit = limit }

  /// False when the socket has as many connections as it may.
  func add(_ channel: any Channel) -> Bool {
    let isAdded = channels.withLock { channels in
      guard channels.count < limit else { return false }
      channels[ObjectIdentifier(channel)] = channel
      return true
    }
    guard isAdded else { return false }
    channel.closeFuture.whenComplete { [self] _ in
      channels.withLock { channels in channels[ObjectIdentifier(channel)] = nil }
    }
    return true
  }

  func closeAll() async {
    let open = channels.withLock { Array($0.values) }
    for channel in open { try? await channel.close().get() }
  }
}
