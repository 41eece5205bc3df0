import Glibc

/// Runs the helper once and waits for it, for commands that have nothing else to do.
enum ProbeRun {
  /// Longest sleep while only the end of the process is awaited.
  static let reapPauseMs = 5

  static func output(arguments: [String], limits: MonitorLimits) throws(ProbeFailure) -> [UInt8] {
    try output(path: HelperPath.find().get(), arguments: arguments, limits: limits)
  }

  static func output(path: String, arguments: [String], limits: MonitorLimits) throws(ProbeFailure)
    -> [UInt8]
  {
    let process = try ProbeProcess(
      path: path, arguments: arguments, limits: limits, nowMs: SystemClock.nowMs())
    while true {
      if let result = process.advance(nowMs: SystemClock.nowMs()) { return try result.get() }
      let rest = process.wakeMs - SystemClock.nowMs()
      wait(on: process.descriptors, atMostMs: process.isEnding ? min(rest, reapPauseMs) : rest)
    }
  }

  /// Waits until one of the descriptors can be read, or `urgent` has something urgent: the answer.
  @discardableResult
  static func wait(on descriptors: [Int32], urgent: Int32? = nil, atMostMs: Int) -> Bool {
    var entries = descriptors.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
    if let urgent { entries.append(pollfd(fd: urgent, events: Int16(POLLPRI), revents: 0)) }
    // EINTR only means that the caller looks again a little early.
    guard poll(&entries, nfds_t(entries.count), Int32(clamping: max(0, atMostMs))) > 0, urgent != nil else {
      return false
    }
    return entries[entries.count - 1].revents & Int16(POLLPRI) != 0
  }
}
