/// Work that waits or was started: counts, so that what is added can be taken off again without a trace.
struct WorkSum: Codable, Hashable, Sendable {
  var requests = 0
  /// Prompt tokens to compute.
  var promptTokens = 0
  /// Output tokens that are expected.
  var outputTokens = 0

  /// Sums wrap around: absurd figures from an engine must not stop the process.
  static func += (a: inout WorkSum, b: WorkSum) {
    a.requests &+= b.requests
    a.promptTokens &+= b.promptTokens
    a.outputTokens &+= b.outputTokens
  }

  static func -= (a: inout WorkSum, b: WorkSum) {
    a.requests &-= b.requests
    a.promptTokens &-= b.promptTokens
    a.outputTokens &-= b.outputTokens
  }

  static func + (a: WorkSum, b: WorkSum) -> WorkSum {
    var sum = a
    sum += b
    return sum
  }

  static func - (a: WorkSum, b: WorkSum) -> WorkSum {
    var difference = a
    difference -= b
    return difference
  }
}
