import SchedulerCore

/// The simulator held against a measured run: the one free constant, the engine's overhead per step, is fitted on the
/// first requests, then everything is predicted.
public struct Validation: Sendable {
  public let measured: MeasuredRun
  public let profile: GPUProfile
  public let options: EngineOptions
  public let contender: Contender

  public init(measured: MeasuredRun, profile: GPUProfile, options: EngineOptions, contender: Contender) {
    self.measured = measured
    self.profile = profile
    self.options = options
    self.contender = contender
  }

  /// Overheads that the fit tries, in microseconds.
  static let overheadUsRange = 0...20_000
  private static let overheadUsStep = 50

  /// The overhead whose prediction of the first `count` requests' mean TPOT is nearest to what was measured. Later
  /// requests arrive as they did, and nothing that was measured of them is looked at. Longer steps mean longer TPOT, so
  /// it is bisected.
  public func fitOverheadUs(first count: Int) throws(EngineRunError) -> Int {
    let target = mean((0..<min(count, measured.requests.count)).compactMap { measured.tpotUs($0) })
    var low = Self.overheadUsRange.lowerBound
    var high = Self.overheadUsRange.upperBound
    while high - low > Self.overheadUsStep {
      let middle = (low + high) / 2
      let run = try predict(counting: count, overheadUs: middle)
      if run.scorecard.all.tpotUs.mean < target { low = middle } else { high = middle }
    }
    return (low + high) / 2
  }

  private func mean(_ values: [Int]) -> Double {
    Double(values.reduce(0, +)) / Double(max(1, values.count))
  }

  /// Simulates all requests and counts the first `count`.
  public func predict(counting count: Int, overheadUs: Int) throws(EngineRunError) -> ValidationRun {
    var options = options
    options.overheadUs = overheadUs
    let mix = ClassMix(entries: [.init(name: "all", share: 1, ttftSLOMs: 1000, tpotSLOMs: 50)])
    var engine = ReferenceEngine(
      profile: profile, options: options, mix: mix, workload: ListWorkload(measured.requests),
      link: contender.link(time: profile.time))
    engine.countsArrivalsUntilUs = measured.requests[min(count, measured.requests.count) - 1].arrivalUs
    let scorecard = try engine.run(clock: { 0 }, onProgress: { _ in true })
    return ValidationRun(
      overheadUs: overheadUs, scorecard: scorecard, timeline: engine.timeline, measuredTTFTUs: measuredTTFT(count),
      measuredTPOTUs: measuredTPOT(count))
  }

  private func measuredTTFT(_ count: Int) -> Histogram {
    var histogram = Histogram()
    for latency in measured.latencies.prefix(count) { histogram.add(latency.ttftUs) }
    return histogram
  }

  private func measuredTPOT(_ count: Int) -> Histogram {
    var histogram = Histogram()
    for index in 0..<min(count, measured.requests.count) {
      if let tpotUs = measured.tpotUs(index) { histogram.add(tpotUs) }
    }
    return histogram
  }
}
