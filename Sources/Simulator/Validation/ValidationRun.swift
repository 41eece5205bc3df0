/// A prediction beside the measurement, in the same statistics.
public struct ValidationRun: Sendable {
  public struct Row: Hashable, Sendable {
    public let name: String
    public let measuredMs: Double
    public let predictedMs: Double

    /// Share by which the prediction is too high.
    public var error: Double { predictedMs / measuredMs - 1 }
  }

  public let overheadUs: Int
  public let scorecard: Scorecard
  public let timeline: Timeline
  let measuredTTFTUs: Histogram
  let measuredTPOTUs: Histogram

  public var rows: [Row] {
    Self.rows("TTFT", measuredTTFTUs, scorecard.all.ttftUs) + Self.rows("TPOT", measuredTPOTUs, scorecard.all.tpotUs)
  }

  private static func rows(_ name: String, _ measured: Histogram, _ predicted: Histogram) -> [Row] {
    let mean = Row(name: "\(name) mean", measuredMs: measured.mean / 1000, predictedMs: predicted.mean / 1000)
    return [mean]
      + [50, 90, 95, 99].map { percent in
        let q = Double(percent) / 100
        return Row(
          name: "\(name) p\(percent)", measuredMs: Double(measured.quantile(q)) / 1000,
          predictedMs: Double(predicted.quantile(q)) / 1000)
      }
  }

  /// Mean batch size during each second of virtual time, from the first.
  public var meanRunningPerS: [Double] {
    timeline.bucketUs == 1_000_000 ? timeline.buckets.map(\.meanRunning) : []
  }
}
