import Glibc

/// What is known about the terminal behind a descriptor.
struct Terminal {
  struct Size: Equatable {
    var columns: Int
    var rows: Int
  }

  static let defaultWidth = 100
  private let descriptor: Int32

  static let output = Terminal(descriptor: STDOUT_FILENO)
  static let error = Terminal(descriptor: STDERR_FILENO)

  var isTerminal: Bool { isatty(descriptor) == 1 }

  /// nil off a terminal, or when it does not say.
  var size: Size? {
    var window = winsize()
    guard isTerminal, ioctl(descriptor, UInt(TIOCGWINSZ), &window) == 0, window.ws_col > 0, window.ws_row > 0 else {
      return nil
    }
    return Size(columns: Int(window.ws_col), rows: Int(window.ws_row))
  }

  /// Columns to lay text out in.
  var width: Int { size?.columns ?? Self.defaultWidth }

  /// Colour only where a person sees it (https://no-color.org).
  var hasColour: Bool {
    guard isTerminal, getenv("NO_COLOR") == nil else { return false }
    guard let kind = getenv("TERM") else { return false }
    return strcmp(kind, "dumb") != 0
  }
}
