import Foundation

/// A terminal of a given size whose other end the test reads.
final class PseudoTerminal {
  struct Unavailable: Error {}

  /// TIOCSPTLCK and TIOCGPTN of <asm-generic/ioctls.h>, which Swift does not import.
  private static let setLock: UInt = 0x4004_5431
  private static let getNumber: UInt = 0x8004_5430
  private static let timeoutSeconds = 60.0

  let controller: Int32
  let terminal: Int32

  init(columns: UInt16, rows: UInt16) throws {
    controller = open("/dev/ptmx", O_RDWR | O_NOCTTY)
    var unlocked: Int32 = 0
    var number: UInt32 = 0
    guard controller >= 0, ioctl(controller, Self.setLock, &unlocked) == 0,
      ioctl(controller, Self.getNumber, &number) == 0
    else { throw Unavailable() }
    terminal = open("/dev/pts/\(number)", O_RDWR | O_NOCTTY)
    guard terminal >= 0 else { throw Unavailable() }
    resize(columns: columns, rows: rows)
    guard fcntl(controller, F_SETFL, O_NONBLOCK) == 0 else { throw Unavailable() }
  }

  deinit {
    close(terminal)
    close(controller)
  }

  func resize(columns: UInt16, rows: UInt16) {
    var size = winsize(ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0)
    _ = ioctl(controller, UInt(TIOCSWINSZ), &size)
  }

  var settings: termios {
    var settings = termios()
    tcgetattr(terminal, &settings)
    return settings
  }

  func type(_ text: String) { _ = text.withCString { write(controller, $0, strlen($0)) } }

  /// Reads until `isEnough` holds of everything read so far, at most a minute.
  func read(until isEnough: (String) -> Bool) -> String {
    var bytes: [UInt8] = []
    let deadline = Date(timeIntervalSinceNow: Self.timeoutSeconds)
    while Date() < deadline {
      bytes += readNow()
      if isEnough(String(decoding: bytes, as: UTF8.self)) { break }
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// Reads until the process has ended, so that it never waits for room; kills it after a minute.
  func readToEnd(of process: Process) -> String {
    var bytes: [UInt8] = []
    let deadline = Date(timeIntervalSinceNow: Self.timeoutSeconds)
    while process.isRunning {
      bytes += readNow()
      if Date() > deadline { kill(process.processIdentifier, SIGKILL) }
    }
    return String(decoding: bytes + readNow(), as: UTF8.self)
  }

  private func readNow() -> ArraySlice<UInt8> {
    var chunk = [UInt8](repeating: 0, count: 4096)
    let count = Glibc.read(controller, &chunk, chunk.count)
    if count <= 0 { usleep(5_000) }
    return chunk.prefix(max(0, count))
  }
}
