import CShim
import Glibc

/// The reading end of a child's output: non-blocking, with a limit on what is kept.
final class OutputPipe {
  let readEnd: Int32
  private(set) var writeEnd: Int32
  private(set) var bytes: [UInt8] = []
  private(set) var isAtEnd = false
  /// More came than the limit; the rest is read and dropped, so that the child does not block.
  private(set) var isOverLimit = false
  private let limit: Int

  /// - Throws: the system's refusal of a pipe.
  init(limit: Int) throws(MonitorError) {
    var ends: [Int32] = [-1, -1]
    let code = cox_pipe(&ends)
    guard code == 0 else { throw MonitorError(errno: code) }
    readEnd = ends[0]
    writeEnd = ends[1]
    self.limit = limit
    // Only the reading end: the child expects an ordinary pipe.
    guard fcntl(readEnd, F_SETFL, O_NONBLOCK) == 0 else { throw MonitorError(errno: errno) }
  }

  deinit {
    // Nothing is buffered in a pipe's end: a failing close loses nothing.
    close(readEnd)
    closeWriteEnd()
  }

  func closeWriteEnd() {
    if writeEnd >= 0 { close(writeEnd) }
    writeEnd = -1
  }

  /// Takes what is there without waiting.
  func drain() {
    while !isAtEnd {
      let count = withUnsafeTemporaryAllocation(byteCount: 1 << 16, alignment: 1) { buffer -> Int in
        let count = read(readEnd, buffer.baseAddress, buffer.count)
        if count > 0 { keep(buffer[..<count]) }
        return count
      }
      if count < 0, errno == EINTR { continue }
      if count < 0, errno == EAGAIN { return }
      if count <= 0 { isAtEnd = true }
      if isOverLimit { return }
    }
  }

  /// The first complete line, without its end; nil while there is none.
  var firstLine: ArraySlice<UInt8>? { bytes.firstIndex(of: UInt8(ascii: "\n")).map { bytes[..<$0] } }

  /// Forgets the first complete line.
  func dropFirstLine() {
    guard let line = firstLine else { return }
    bytes.removeFirst(line.count + 1)
  }

  private func keep(_ new: Slice<UnsafeMutableRawBufferPointer>) {
    let room = limit - bytes.count
    bytes.append(contentsOf: new.prefix(room))
    if new.count > room { isOverLimit = true }
  }
}
