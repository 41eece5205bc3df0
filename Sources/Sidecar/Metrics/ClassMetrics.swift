/// What became of the requests of one class.
struct ClassMetrics: Sendable {
  var arrived = 0
  var finished = 0
  var withinTTFT = 0
  var withinTPOT = 0
  var withinBoth = 0
  /// Times that a request started to run on capacity of a better class, and that one gave such capacity back.
  var upgrades = 0
  var returns = 0
  var queueWait = LatencyHistogram(.requests)
  var timeToFirstToken = LatencyHistogram(.requests)
  var timePerOutputToken = LatencyHistogram(.tokens)
  var duration = LatencyHistogram(.requests)

  mutating func add(_ other: ClassMetrics) {
    arrived &+= other.arrived
    finished &+= other.finished
    withinTTFT &+= other.withinTTFT
    withinTPOT &+= other.withinTPOT
    withinBoth &+= other.withinBoth
    upgrades &+= other.upgrades
    returns &+= other.returns
    queueWait.add(other.queueWait)
    timeToFirstToken.add(other.timeToFirstToken)
    timePerOutputToken.add(other.timePerOutputToken)
    duration.add(other.duration)
  }
}
