import NIOCore

/// Who is at the other end of a Unix socket (SO_PEERCRED), as of connect.
public struct PeerCredentials: Hashable, Sendable {
  public var pid: Int32
  public var uid: UInt32
  public var gid: UInt32

  /// `struct ucred` of Linux; Glibc's header hides it from Swift.
  private struct Kernel {
    var pid: Int32 = 0
    var uid: UInt32 = 0
    var gid: UInt32 = 0
  }

  /// SOL_SOCKET and SO_PEERCRED of Linux.
  private static let socketLevel = 1
  private static let peerCredentials = 17

  static func read(_ channel: any Channel) -> EventLoopFuture<PeerCredentials?> {
    guard let provider = channel as? any SocketOptionProvider else {
      return channel.eventLoop.makeSucceededFuture(nil)
    }
    let kernel: EventLoopFuture<Kernel> = provider.unsafeGetSocketOption(
      level: NIOBSDSocket.OptionLevel(rawValue: CInt(socketLevel)),
      name: NIOBSDSocket.Option(rawValue: CInt(peerCredentials)))
    return kernel.map { PeerCredentials(pid: $0.pid, uid: $0.uid, gid: $0.gid) }.recover { _ in nil }
  }
}
