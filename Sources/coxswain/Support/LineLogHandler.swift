import Glibc
import Logging

/// One line per event on standard error: `2026-01-31T08:05:09.120Z info "listening" engine_socket=/run/...`.
struct LineLogHandler: LogHandler {
  var logLevel: Logger.Level
  var metadata: Logger.Metadata = [:]
  var metadataProvider: Logger.MetadataProvider?

  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  func log(event: LogEvent) {
    var values = metadata
    values.merge(metadataProvider?.get() ?? [:]) { $1 }
    values.merge(event.metadata ?? [:]) { $1 }
    var line = "\(Self.timestamp()) \(event.level) \(Self.quoted(event.message.description))"
    for (key, value) in values.sorted(by: { $0.key < $1.key }) {
      let text = value.description
      line += " \(key)=\(Self.isPlain(text) ? text : Self.quoted(text))"
    }
    // One write, so that lines of several threads do not mix.
    StandardError.line(line)
  }

  private static func isPlain(_ text: String) -> Bool {
    !text.isEmpty && text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "\"") }
  }

  private static func quoted(_ text: String) -> String {
    "\"" + TextTable.printable(text).split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\\\"")
      + "\""
  }

  /// UTC with milliseconds (RFC 3339).
  private static func timestamp() -> String {
    var now = timespec()
    clock_gettime(CLOCK_REALTIME, &now)
    var parts = tm()
    var seconds = now.tv_sec
    gmtime_r(&seconds, &parts)
    func padded(_ value: Int, _ width: Int) -> String {
      let digits = String(value)
      return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }
    let date = [padded(Int(parts.tm_year) + 1900, 4), padded(Int(parts.tm_mon) + 1, 2), padded(Int(parts.tm_mday), 2)]
    let time = [padded(Int(parts.tm_hour), 2), padded(Int(parts.tm_min), 2), padded(Int(parts.tm_sec), 2)]
    return date.joined(separator: "-") + "T" + time.joined(separator: ":") + "."
      + padded(now.tv_nsec / 1_000_000, 3) + "Z"
  }
}
