import Foundation
import WireProtocol

/// One end of a Unix socket that a test scripts byte by byte.
final class FakePeer {
  struct Unavailable: Error {}

  let path: String
  let directory: TemporaryDirectory
  private let listener: Int32

  /// - Parameter backlog: connections that wait to be accepted.
  init(name: String = "peer.sock", backlog: Int32 = 8) throws {
    directory = try TemporaryDirectory()
    path = directory.path + "/" + name
    listener = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
    let length = socklen_t(MemoryLayout<sockaddr_un>.size)
    let bound = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(listener, $0, length) }
    }
    guard listener >= 0, bound == 0, listen(listener, backlog) == 0 else { throw Unavailable() }
  }

  deinit { close(listener) }

  /// Stops listening; the socket file stays, as after a crash.
  func die() { shutdown(listener, Int32(SHUT_RDWR)) }

  /// Accepts one connection on a thread of its own and runs `script` on it; the connection ends with the script.
  func accept(_ script: @escaping @Sendable (Connection) -> Void) {
    let listener = listener
    Thread.detachNewThread {
      let descriptor = Glibc.accept(listener, nil, nil)
      guard descriptor >= 0 else { return }
      script(Connection(descriptor: descriptor))
      close(descriptor)
    }
  }

  struct Connection: Sendable {
    let descriptor: Int32

    func send(_ bytes: some Sequence<UInt8>) {
      let bytes = Array(bytes)
      _ = Glibc.send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL))
    }

    /// One frame with this text as its payload.
    func send(frame text: String) { send(Self.frame(text)) }

    static func frame(_ text: String) -> [UInt8] {
      let payload = Array(text.utf8)
      return [0] + withUnsafeBytes(of: UInt32(payload.count).bigEndian) { Array($0) } + payload
    }

    /// The payload of the next frame; nil at the end of the stream.
    func receive() -> JSONValue? {
      guard let header = receive(count: FrameHeader.byteCount) else { return nil }
      let length = header.dropFirst().reduce(0) { $0 << 8 | Int($1) }
      return receive(count: length).flatMap { try? JSONValue(parsing: $0) }
    }

    private func receive(count: Int) -> [UInt8]? {
      var bytes: [UInt8] = []
      var chunk = [UInt8](repeating: 0, count: 1 << 16)
      while bytes.count < count {
        let got = recv(descriptor, &chunk, min(chunk.count, count - bytes.count), 0)
        guard got > 0 else { return nil }
        bytes += chunk[..<got]
      }
      return bytes
    }

    /// Until the other side closes.
    func waitForEnd() { while receive() != nil {} }
  }
}
