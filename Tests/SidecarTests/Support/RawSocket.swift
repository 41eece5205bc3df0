import Foundation
import Glibc
import WireProtocol

/// A Unix socket without any protocol, for bytes that no client would send. Every wait ends after a minute.
final class RawSocket {
  private let descriptor: CInt

  init(_ path: String) throws {
    descriptor = socket(AF_UNIX, CInt(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array(path.utf8.prefix(107))) }
    let size = socklen_t(MemoryLayout<sockaddr_un>.size)
    let result = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(descriptor, $0, size) }
    }
    guard result == 0 else { throw POSIXError(.init(rawValue: errno) ?? .EIO) }
    var timeout = timeval(tv_sec: 60, tv_usec: 0)
    setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &timeout, socklen_t(MemoryLayout<timeval>.size))
  }

  deinit { close(descriptor) }

  func send(_ bytes: [UInt8]) throws {
    var sent = 0
    while sent < bytes.count {
      let count = bytes[sent...].withUnsafeBytes {
        Glibc.send(descriptor, $0.baseAddress, $0.count, CInt(MSG_NOSIGNAL))
      }
      guard count > 0 else { throw POSIXError(.init(rawValue: errno) ?? .EIO) }
      sent += count
    }
  }

  /// Says that nothing more will be sent; replies can still be read.
  func finishSending() { shutdown(descriptor, CInt(SHUT_WR)) }

  /// A frame around `payload`.
  static func frame(_ payload: String) -> [UInt8] {
    let bytes = Array(payload.utf8)
    return [0] + (0..<4).map { UInt8(truncatingIfNeeded: bytes.count >> (24 - 8 * $0)) } + bytes
  }

  /// The next reply; nil at the end of the stream.
  func receive() throws -> Reply? {
    guard let header = try read(5) else { return nil }
    let length = header[1...].reduce(0) { $0 << 8 | Int($1) }
    guard let payload = try read(length) else { return nil }
    return try payload.withUnsafeBytes { try Reply.parse($0) }
  }

  /// True when the peer closed the connection.
  func isAtEnd() throws -> Bool { try read(1) == nil }

  private func read(_ count: Int) throws -> [UInt8]? {
    var bytes = [UInt8](repeating: 0, count: count)
    var got = 0
    while got < count {
      let n = bytes[got...].withUnsafeMutableBytes { recv(descriptor, $0.baseAddress, $0.count, 0) }
      if n == 0 || (n < 0 && errno == ECONNRESET) { return nil }
      guard n > 0 else { throw POSIXError(.init(rawValue: errno) ?? .EIO) }
      got += n
    }
    return bytes
  }
}
