/// How far a long run is, on standard error: a bar that is redrawn on a terminal, a line at every tenth elsewhere.
struct ProgressBar {
  private static let barWidth = 20
  private static let clearLine = "\r\u{1B}[K"
  private let isTerminal = Terminal.error.isTerminal
  private var lastTenth = -1
  private var isDrawn = false

  /// - Parameters:
  ///   - total: nil when it is not known.
  ///   - elapsedUs: real time since the start, for the estimate of what is left.
  mutating func show(done: Int, total: Int?, unit: String, note: String, elapsedUs: Int) {
    guard let total, total > 0 else {
      if isTerminal { draw("\(Quantity.count(done)) \(unit)  \(note)") }
      return
    }
    let done = min(done, total)
    let left = done > 0 ? Quantity.duration(us: elapsedUs / done * (total - done)) : "?"
    let count = "\(Quantity.count(done)) of \(Quantity.count(total)) \(unit)"
    if isTerminal {
      let filled = Self.barWidth * done / total
      let bar =
        String(repeating: "#", count: filled) + String(repeating: ".", count: Self.barWidth - filled)
      draw("[\(bar)] \(100 * done / total)%  \(count)  \(done < total ? "\(left) left" : "done")  \(note)")
    } else if 10 * done / total > lastTenth {
      lastTenth = 10 * done / total
      StandardError.line("\(100 * done / total)%  \(count)  \(done < total ? "\(left) left" : "done")  \(note)")
    }
  }

  /// Leaves the terminal's line as it was.
  mutating func finish() {
    if isDrawn { StandardError.write(Self.clearLine) }
    isDrawn = false
  }

  private mutating func draw(_ text: String) {
    isDrawn = true
    StandardError.write(Self.clearLine + text.prefix(Terminal.error.width - 1))
  }
}
