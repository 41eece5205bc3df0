/// Wall-clock times of trace files.
enum Timestamp {
  /// Microseconds since 1970 of `yyyy-mm-dd hh:mm:ss[.fraction][+00:00]`, taken as UTC; nil when it is none.
  static func microseconds(_ text: Substring) -> Int64? {
    let text = text.hasSuffix("+00:00") ? text.dropLast("+00:00".count) : text
    let parts = text.split(separator: " ", omittingEmptySubsequences: false)
    guard parts.count == 2 else { return nil }
    let date = parts[0].split(separator: "-").compactMap { Int64($0) }
    let clock = parts[1].split(separator: ":")
    guard date.count == 3, clock.count == 3, let hour = Int64(clock[0]), let minute = Int64(clock[1]),
      let secondUs = secondsToUs(clock[2]), (1...12).contains(date[1]), (1...31).contains(date[2]),
      (0..<24).contains(hour), (0..<60).contains(minute), secondUs < 61_000_000
    else { return nil }
    return ((days(date[0], date[1], date[2]) * 24 + hour) * 60 + minute) * 60_000_000 + secondUs
  }

  private static func secondsToUs(_ text: Substring) -> Int64? {
    let parts = text.split(separator: ".", omittingEmptySubsequences: false)
    guard let whole = Int64(parts[0]), whole >= 0, parts.count <= 2 else { return nil }
    guard parts.count == 2 else { return whole * 1_000_000 }
    var us: Int64 = 0
    for (position, character) in parts[1].enumerated() {
      guard let digit = character.wholeNumberValue else { return nil }
      if position < 6 { us = us * 10 + Int64(digit) }
    }
    for _ in 0..<max(0, 6 - parts[1].count) { us *= 10 }
    return whole * 1_000_000 + us
  }

  /// Days since 1970-01-01 in the proleptic Gregorian calendar (Hinnant, "chrono-compatible date algorithms").
  private static func days(_ year: Int64, _ month: Int64, _ day: Int64) -> Int64 {
    let y = month <= 2 ? year - 1 : year
    let era = (y >= 0 ? y : y - 399) / 400
    let yearOfEra = y - era * 400
    let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
    return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
  }
}
