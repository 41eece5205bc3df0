import Glibc

/// The terminal as one screen: the alternate buffer without a cursor, keys unechoed. Whatever ends the command, the
/// terminal is put back when this value ends.
struct FullScreen: ~Copyable {
  enum Event {
    case timeout
    case resize
    case quit
  }

  private static let enter = "\u{1B}[?1049h\u{1B}[?25l\u{1B}[2J"
  private static let leave = "\u{1B}[?25h\u{1B}[?1049l"
  private static let controlC: UInt8 = 3
  private let signals: SignalPipe
  /// Settings to restore; nil when standard input is no terminal.
  private let savedInput: termios?

  private init(signals: consuming SignalPipe, savedInput: termios?) {
    self.signals = signals
    self.savedInput = savedInput
  }

  /// Takes the terminal over.
  static func entered() throws(CommandFailure) -> FullScreen {
    var settings = termios()
    let saved: termios? = tcgetattr(STDIN_FILENO, &settings) == 0 ? settings : nil
    let screen = FullScreen(signals: try SignalPipe(), savedInput: saved)
    if saved != nil {
      // Control-C comes as a key, so that nothing but this value decides how the screen is left.
      settings.c_lflag &= ~tcflag_t(ICANON | ECHO | ISIG)
      tcsetattr(STDIN_FILENO, TCSANOW, &settings)
    }
    try StandardOutput.write(enter)
    return screen
  }

  deinit {
    if var settings = savedInput { tcsetattr(STDIN_FILENO, TCSANOW, &settings) }
    _ = StandardStreams.write(Self.leave, to: STDOUT_FILENO)
  }

  var size: Terminal.Size { Terminal.output.size ?? Terminal.Size(columns: 80, rows: 24) }

  /// Shows the lines that fit, `footer` in the last row.
  func draw(_ lines: [String], footer: String) throws(CommandFailure) {
    let size = size
    var frame = "\u{1B}[H"
    for row in 0..<max(0, size.rows - 1) {
      let line = row < lines.count ? String(lines[row].prefix(size.columns)) : ""
      frame += row == 0 && Terminal.output.hasColour ? Self.reversed(line) : line
      frame += Self.rest(after: line, size) + "\r\n"
    }
    let line = String(footer.prefix(size.columns))
    try StandardOutput.write(frame + line + Self.rest(after: line, size))
  }

  /// Clears what an earlier frame has left behind a line. A line as wide as the screen leaves nothing, and the cursor
  /// would still be on its last character.
  private static func rest(after line: String, _ size: Terminal.Size) -> String {
    line.count < size.columns ? "\u{1B}[K" : ""
  }

  private static func reversed(_ line: String) -> String { "\u{1B}[7m\(line)\u{1B}[0m" }

  /// Waits for a key, a signal or the end of `milliseconds`.
  func wait(milliseconds: Int32) -> Event {
    var requests = [pollfd(fd: signals.readEnd, events: Int16(POLLIN), revents: 0)]
    if savedInput != nil { requests.append(pollfd(fd: STDIN_FILENO, events: Int16(POLLIN), revents: 0)) }
    let ready = poll(&requests, nfds_t(requests.count), milliseconds)
    if ready == 0 { return .timeout }
    let caught = signals.drain()
    if caught.contains(where: { $0 != SIGWINCH }) { return .quit }
    if requests.count > 1, requests[1].revents != 0 { return key() }
    return .resize
  }

  private func key() -> Event {
    var byte: UInt8 = 0
    guard read(STDIN_FILENO, &byte, 1) == 1 else { return .quit }
    return byte == UInt8(ascii: "q") || byte == UInt8(ascii: "Q") || byte == Self.controlC ? .quit : .resize
  }
}
