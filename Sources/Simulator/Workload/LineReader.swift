import Glibc

/// Reads a text file line by line; memory grows with the longest line only. Files that end in `.gz` go through gzip.
final class LineReader {
  /// Bytes of one line.
  static let lineMax = 4 << 20

  let path: String
  /// Number of the line read last, from 1.
  private(set) var lineNumber = 0
  private let file: UnsafeMutablePointer<FILE>
  private let isPipe: Bool
  private var isClosed = false
  private var buffer: UnsafeMutablePointer<CChar>?
  private var capacity = 0

  init(_ path: String) throws(WorkloadError) {
    self.path = path
    guard access(path, R_OK) == 0 else {
      throw .unreadable(path: path, reason: String(cString: strerror(errno)))
    }
    isPipe = path.hasSuffix(".gz")
    let quoted = "'" + path.replacing("'", with: "'\\''") + "'"
    guard let opened = isPipe ? popen("gzip -dc -- \(quoted)", "re") : fopen(path, "re") else {
      throw .unreadable(path: path, reason: String(cString: strerror(errno)))
    }
    file = opened
  }

  deinit {
    free(buffer)
    guard !isClosed else { return }
    if isPipe { pclose(file) } else { fclose(file) }
  }

  /// The next line without its end; nil at the end of the file.
  func next() throws(WorkloadError) -> String? {
    guard !isClosed else { return nil }
    let count = getline(&buffer, &capacity, file)
    guard count >= 0, let buffer else {
      try close()
      return nil
    }
    lineNumber += 1
    guard count <= Self.lineMax else { throw malformed("longer than \(Self.lineMax) bytes") }
    let bytes = UnsafeRawBufferPointer(start: buffer, count: count)
    var end = count
    while end > 0, bytes[end - 1] == UInt8(ascii: "\n") || bytes[end - 1] == UInt8(ascii: "\r") { end -= 1 }
    return String(decoding: bytes[..<end], as: UTF8.self)
  }

  /// gzip says only at the end whether the file was whole.
  private func close() throws(WorkloadError) {
    let failed = ferror(file) == 0 ? 0 : errno
    isClosed = true
    let status = isPipe ? pclose(file) : fclose(file)
    guard failed == 0 else { throw .unreadable(path: path, reason: String(cString: strerror(failed))) }
    guard status == 0 else {
      throw .unreadable(path: path, reason: isPipe ? "gzip cannot unpack it" : String(cString: strerror(errno)))
    }
  }

  func malformed(_ message: String) -> WorkloadError { .malformed(path: path, line: lineNumber, message: message) }
}
