import SchedulerCore

extension IterationTimeModel {
  /// GPU milliseconds of a composed iteration by the given coefficients.
  static func ms(_ sample: IterationSample, _ form: Form, _ k: Coefficients) -> Double {
    IterationTimeModel(form: form, decodeOnly: k, withPrefill: k, overheadUs: 0).ms(
      FluidFeatures(
        prefillTokens: sample.prefillTokens, prefillPairs: sample.prefillPairs, prefixTokens: sample.prefixTokens,
        decodes: sample.decodes, decodeContextTokens: sample.decodeContextTokens,
        longestContextTokens: sample.longestContextTokens))
  }
}
