import SchedulerCore

extension IterationTimeModel {
  /// The model with every time, the engine's own included, multiplied by `factor`: what a scheduler is told that was
  /// given a model of the right form and the wrong scale.
  func scaled(by factor: Double) -> IterationTimeModel {
    var model = self
    model.decodeOnly = decodeOnly.scaled(by: factor)
    model.withPrefill = withPrefill.scaled(by: factor)
    model.overheadUs = Int((Double(overheadUs) * factor).rounded())
    model.table?.prefill.scale(by: factor)
    model.table?.decode.scale(by: factor)
    model.table?.context.scale(by: factor)
    return model
  }
}

extension IterationTimeModel.Coefficients {
  func scaled(by factor: Double) -> Self {
    Self(
      a: a * factor, b0: b0 * factor, b: b * factor, c: c * factor, g: g * factor, d: d * factor, e: e * factor,
      f: f * factor, h: h * factor)
  }
}

extension TimeCurve {
  mutating func scale(by factor: Double) {
    guard let scaled = TimeCurve(x: x, ms: ms.map { $0 * factor }) else { return }
    self = scaled
  }
}
