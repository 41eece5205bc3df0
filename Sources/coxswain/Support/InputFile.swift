import Glibc
import WireProtocol

/// A whole file, or standard input for "-", up to a limit.
enum InputFile {
  static let limitBytes = 64 << 20
  private static let chunkBytes = 64 << 10

  static func bytes(_ path: String, limit: Int = limitBytes) throws(CommandFailure) -> [UInt8] {
    guard path != "-" else { return try read(STDIN_FILENO, "standard input", limit) }
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw failure(path, errno) }
    defer { close(descriptor) }
    return try read(descriptor, path, limit)
  }

  static func json(_ path: String) throws(CommandFailure) -> JSONValue {
    let bytes = try bytes(path)
    do throws(JSONError) {
      return try JSONValue(parsing: bytes)
    } catch {
      let place = lineAndColumn(of: error.offset, in: bytes)
      throw CommandFailure(.failed, "\(path):\(place.line):\(place.column): \(error.message)")
    }
  }

  static func lineAndColumn(of offset: Int, in bytes: [UInt8]) -> (line: Int, column: Int) {
    let before = bytes.prefix(offset)
    let start = before.lastIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? 0
    return (before.count { $0 == UInt8(ascii: "\n") } + 1, before.count - start + 1)
  }

  private static func read(_ descriptor: Int32, _ name: String, _ limit: Int) throws(CommandFailure) -> [UInt8] {
    var bytes: [UInt8] = []
    while true {
      var failed: Int32 = 0
      let chunk = [UInt8](unsafeUninitializedCapacity: chunkBytes) { buffer, count in
        let result = Glibc.read(descriptor, buffer.baseAddress, buffer.count)
        failed = result < 0 ? errno : 0
        count = max(0, result)
      }
      if failed == EINTR { continue }
      guard failed == 0 else { throw failure(name, failed) }
      if chunk.isEmpty { return bytes }
      bytes += chunk
      guard bytes.count <= limit else { throw CommandFailure(.failed, "\(name): more than \(limit) bytes") }
    }
  }

  private static func failure(_ name: String, _ number: Int32) -> CommandFailure {
    CommandFailure(.failed, "\(name): \(String(cString: strerror(number)))")
  }
}
