import Glibc

/// The start of a topology file, to tell its format.
enum TopologyFile {
  static let byteLimit = 64 << 20

  /// All bytes of a file. - Throws: `ProbeFailure.unreadable`, or `.invalid` for one that is too large.
  static func bytes(_ path: String) throws(ProbeFailure) -> [UInt8] {
    let file = open(path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { throw .unreadable(path: path, errno: errno) }
    // Only read from: a failing close loses nothing.
    defer { close(file) }
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = read(file, &buffer, buffer.count)
      if count == 0 { return bytes }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { throw .unreadable(path: path, errno: errno) }
      bytes.append(contentsOf: buffer[..<count])
      guard bytes.count <= byteLimit else { throw .invalid(reason: "\(path): more than \(byteLimit) bytes") }
    }
  }

  /// Whether the root element is that of NCCL's files.
  static func isNCCL(_ bytes: [UInt8]) -> Bool {
    let start = String(decoding: bytes.prefix(4_096), as: UTF8.self)
    guard let root = start.firstRange(of: "<system") else { return false }
    return !start[..<root.lowerBound].contains("<topology")
  }
}
