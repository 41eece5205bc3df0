import Glibc
import WireProtocol

/// The policies that were in force, on disk: one checksummed line each, the last whole one is the last known good. A
/// line is on the disk before its policy is in force, so that a crash at any moment leaves a good policy. Belongs to
/// one thread at a time.
final class PolicyLog {
  static let fileName = "policies.log"
  private static let lockName = "policies.lock"

  private(set) var entries: [PolicyEntry] = []
  let directory: String
  private let limit: Int
  private var file: CInt = -1
  private var lock: CInt = -1
  /// Bytes of the file that hold whole lines.
  private var size = 0
  private var linesInFile = 0

  /// Opens or makes the log. - Parameter limit: entries that are kept.
  init(directory: String, limit: Int) throws(PolicyLogError) {
    self.directory = directory
    self.limit = limit
    try Self.makeDirectory(directory)
    lock = open("\(directory)/\(Self.lockName)", O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
    guard lock >= 0 else { throw PolicyLogError("cannot write in \(directory)", errno) }
    guard flock(lock, LOCK_EX | LOCK_NB) == 0 else {
      throw PolicyLogError("another sidecar keeps its policies in \(directory)", 0)
    }
    let damaged = try read()
    if damaged || linesInFile > 2 * limit { try rewrite() } else { try openFile() }
  }

  deinit {
    if file >= 0 { close(file) }
    if lock >= 0 { close(lock) }
  }

  private var path: String { "\(directory)/\(Self.fileName)" }

  /// Returns once the entry is on the disk. After an error the file is as before.
  func append(_ entry: PolicyEntry) throws(PolicyLogError) {
    let line = Self.line(entry)
    guard Self.write(line, to: file, at: size), fdatasync(file) == 0 else {
      let number = errno
      // What was written of the line has no right checksum; it is overwritten by the next one.
      _ = ftruncate(file, off_t(size))
      throw PolicyLogError("cannot write \(path)", number)
    }
    size += line.count
    linesInFile += 1
    entries.append(entry)
    entries.trim(to: limit)
    if linesInFile > 2 * limit { try rewrite() }
  }

  // MARK: - The file

  /// Reads what is there. - Returns: whether a line was damaged or unreadable.
  private func read() throws(PolicyLogError) -> Bool {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else {
      guard errno == ENOENT else { throw PolicyLogError("cannot read \(path)", errno) }
      return false
    }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw PolicyLogError("cannot read \(path)", errno) }
    let bytes = [UInt8](unsafeUninitializedCapacity: Int(status.st_size)) { buffer, count in
      while count < buffer.count {
        let got = Glibc.read(descriptor, buffer.baseAddress! + count, buffer.count - count)
        if got < 0, errno == EINTR { continue }
        guard got > 0 else { return }
        count += got
      }
    }
    var damaged = bytes.last.map { $0 != UInt8(ascii: "\n") } ?? false
    for line in bytes.split(separator: UInt8(ascii: "\n")) {
      linesInFile += 1
      if let entry = Self.entry(line) { entries.append(entry) } else { damaged = true }
    }
    size = bytes.count
    entries.trim(to: limit)
    return damaged
  }

  /// Puts a file with just the kept entries in place of the old one.
  private func rewrite() throws(PolicyLogError) {
    let partial = "\(path).partial"
    let descriptor = open(partial, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw PolicyLogError("cannot write \(partial)", errno) }
    let text = Array(entries.map(Self.line).joined())
    let isWritten = Self.write(text, to: descriptor, at: 0) && fsync(descriptor) == 0
    let number = errno
    guard close(descriptor) == 0, isWritten, rename(partial, path) == 0 else {
      unlink(partial)
      throw PolicyLogError("cannot write \(path)", number)
    }
    size = text.count
    linesInFile = entries.count
    try openFile()
  }

  private func openFile() throws(PolicyLogError) {
    if file >= 0 { close(file) }
    file = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
    guard file >= 0 else { throw PolicyLogError("cannot write \(path)", errno) }
    try Self.syncDirectory(directory)
  }

  // MARK: - Lines

  private static func line(_ entry: PolicyEntry) -> [UInt8] {
    var writer = JSONWriter()
    entry.json.write(into: &writer)
    let checksum = writer.bytes.withUnsafeBytes { CRC32.checksum($0) }
    return RecordingWriter.hex(checksum) + [UInt8(ascii: " ")] + writer.bytes + [UInt8(ascii: "\n")]
  }

  private static func entry(_ line: ArraySlice<UInt8>) -> PolicyEntry? {
    guard line.count > 9 else { return nil }
    let text = line.dropFirst(9)
    let checksum = text.withUnsafeBytes { CRC32.checksum($0) }
    guard line.prefix(9).elementsEqual(RecordingWriter.hex(checksum) + [UInt8(ascii: " ")]) else { return nil }
    return (try? JSONValue(parsing: Array(text))).flatMap(PolicyEntry.init(json:))
  }

  // MARK: - System calls

  private static func makeDirectory(_ path: String) throws(PolicyLogError) {
    var partial = ""
    for part in path.split(separator: "/", omittingEmptySubsequences: false) {
      partial += part + "/"
      guard !part.isEmpty, mkdir(partial, 0o750) != 0, errno != EEXIST else { continue }
      // A parent may be unreadable and still be there; the last part decides.
      guard errno == EACCES || errno == EROFS else { throw PolicyLogError("cannot make \(partial)", errno) }
    }
  }

  private static func write(_ bytes: [UInt8], to descriptor: CInt, at offset: Int) -> Bool {
    bytes.withUnsafeBytes { bytes in
      var done = 0
      while done < bytes.count {
        let count = pwrite(descriptor, bytes.baseAddress! + done, bytes.count - done, off_t(offset + done))
        if count < 0, errno == EINTR { continue }
        guard count > 0 else { return false }
        done += count
      }
      return true
    }
  }

  private static func syncDirectory(_ path: String) throws(PolicyLogError) {
    let descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { throw PolicyLogError("cannot open \(path)", errno) }
    defer { close(descriptor) }
    guard fsync(descriptor) == 0 else { throw PolicyLogError("cannot sync \(path)", errno) }
  }
}
