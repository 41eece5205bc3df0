/// What waiting work costs in GPU time, and what is known about the output beside its mean: what waiting-time estimates
/// weigh work by. What was served is weighed by the same, so that costs wrong by a factor are wrong in nothing.
struct WorkCosts: Sendable {
  /// Microseconds of GPU time.
  var requestUs: Double
  var promptTokenUs: Double
  var outputTokenUs: Double
  /// Mean square by which an answer's length differs from what was expected of it, in tokens.
  var outputVariance: Double
  /// Share of the time that goes into work, before anything was measured.
  var startRate: Double
  /// Time between two plans, in microseconds.
  var iterationUs: Double

  func us(_ work: WorkSum) -> Double {
    Double(work.requests) * requestUs + Double(work.promptTokens) * promptTokenUs
      + Double(work.outputTokens) * outputTokenUs
  }

  func us(_ work: FadedWork) -> Double {
    work.requests * requestUs + work.promptTokens * promptTokenUs + work.outputTokens * outputTokenUs
  }

  /// Variance of the cost of so many requests, in square microseconds: nearly normal when they are many.
  func variance(requests: Double) -> Double { requests * outputVariance * outputTokenUs * outputTokenUs }
}
