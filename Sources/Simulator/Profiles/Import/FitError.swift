import SchedulerCore
import WireProtocol

/// How far fitted times are from measured ones, as shares of the measured time.
public struct FitError: Hashable, Sendable {
  public let count: Int
  public let mean: Double
  public let p50: Double
  public let p95: Double
  public let max: Double

  /// - Parameter errors: at least one.
  init(_ errors: [Double]) {
    let sorted = errors.map(abs).sorted()
    func quantile(_ share: Double) -> Double { sorted[Int(share * Double(sorted.count - 1) + 0.5)] }
    count = sorted.count
    mean = sorted.reduce(0, +) / Double(sorted.count)
    p50 = quantile(0.5)
    p95 = quantile(0.95)
    max = sorted[sorted.count - 1]
  }

  init(_ model: IterationTimeModel.Coefficients, _ form: IterationTimeModel.Form, _ samples: [IterationSample]) {
    self.init(samples.map { IterationTimeModel.ms($0, form, model) / $0.ms - 1 })
  }

  public var json: JSONValue {
    [
      "samples": JSONValue(count), "mean": .number(mean), "p50": .number(p50), "p95": .number(p95),
      "max": .number(max),
    ]
  }
}
