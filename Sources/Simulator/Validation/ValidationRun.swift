import WireProtocol

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

  // MARK: - For people and programs

  public var json: JSONValue {
    let rows: [JSONValue] = rows.map { row in
      [
        "name": .string(row.name), "measured_ms": .number(row.measuredMs), "simulated_ms": .number(row.predictedMs),
        "error_ratio": .number(row.error),
      ]
    }
    return [
      "engine_overhead_us": JSONValue(overheadUs), "preemptions": JSONValue(scorecard.preemptions),
      "iterations": JSONValue(scorecard.iterations), "rows": .array(rows),
    ]
  }

  public var table: String {
    var lines = [
      "engine overhead \(overheadUs) us a step; \(scorecard.iterations) iterations, \(scorecard.preemptions) "
        + "preemptions",
      Self.line("", ["measured ms", "simulated ms", "error"]),
    ]
    for row in rows {
      let sign = row.error < 0 ? "-" : "+"
      let cells = [
        TableText.number(.number(row.measuredMs)), TableText.number(.number(row.predictedMs)),
        sign + TableText.percent(.number(abs(row.error))),
      ]
      lines.append(Self.line(row.name, cells))
    }
    return lines.joined(separator: "\n")
  }

  private static func line(_ name: String, _ cells: [String]) -> String {
    TableText.left(name, 12) + cells.map { TableText.right($0, 14) }.joined()
  }
}
