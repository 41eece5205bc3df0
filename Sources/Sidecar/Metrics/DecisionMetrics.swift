/// What plans said and what became of requests, of one session or of several together.
struct DecisionMetrics: Sendable {
  /// Classes with counters of their own; the requests of later ones are counted under `otherName`.
  static let classLimit = 10
  static let otherName = "other"

  var stepDuration = LatencyHistogram(.steps)
  /// Class names in order of first use.
  private(set) var classes: [(name: String, metrics: ClassMetrics)] = []
  private(set) var reasons: [String: Int] = [:]

  /// Index of a class's counters.
  mutating func index(of name: String) -> Int {
    if let index = classes.firstIndex(where: { $0.name == name }) { return index }
    guard classes.count < Self.classLimit, name != Self.otherName else {
      if let index = classes.firstIndex(where: { $0.name == Self.otherName }) { return index }
      classes.append((Self.otherName, ClassMetrics()))
      return classes.count - 1
    }
    classes.append((name, ClassMetrics()))
    return classes.count - 1
  }

  subscript(index: Int) -> ClassMetrics {
    get { classes[index].metrics }
    _modify { yield &classes[index].metrics }
  }

  mutating func count(reason code: String, _ times: Int = 1) { reasons[code, default: 0] &+= times }

  mutating func add(_ other: DecisionMetrics) {
    stepDuration.add(other.stepDuration)
    for entry in other.classes {
      let index = index(of: entry.name)
      classes[index].metrics.add(entry.metrics)
    }
    for (code, times) in other.reasons { count(reason: code, times) }
  }
}
