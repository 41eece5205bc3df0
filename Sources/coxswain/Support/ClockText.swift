import Glibc

/// Wall-clock times for people.
enum ClockText {
  /// `2026-11-21 09:14:07Z`.
  static func utc(unixMs: Int) -> String {
    var seconds = time_t(unixMs / 1000)
    var parts = tm()
    guard gmtime_r(&seconds, &parts) != nil else { return "?" }
    func two(_ value: Int32) -> String { value < 10 ? "0\(value)" : "\(value)" }
    return "\(parts.tm_year + 1900)-\(two(parts.tm_mon + 1))-\(two(parts.tm_mday)) "
      + "\(two(parts.tm_hour)):\(two(parts.tm_min)):\(two(parts.tm_sec))Z"
  }
}
