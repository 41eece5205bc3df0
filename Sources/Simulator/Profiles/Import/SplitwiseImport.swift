import SchedulerCore

/// A profile in the table form of Splitwise's measurements (the `perf_model.csv` of its simulator): one model, GPU and
/// degree of tensor parallelism of the file, medians of the repeats.
///
/// The engine behind them is of 2023 and does not chunk prompts; prefill and decode were measured apart. Together they
/// take the prefill time of all tokens and 10 % more, which is the rule of Splitwise's own simulator.
public struct SplitwiseImport: Sendable {
  private static let mixedFactor = 1.1

  public let profile: GPUProfile
  /// Errors of the table when each measured point in turn is left out and interpolated from the others.
  public let prefillError: FitError
  public let decodeError: FitError
  public let notes: [String]

  public init(path: String, options: ProfileImportOptions) throws(ProfileImportError) {
    let rows = try Self.chosen(try SplitwiseRow.read(path), path, options)
    let first = rows[0]
    guard let table = Self.table(rows) else {
      throw ProfileImportError(
        "\(path): too few measurements of \(Self.name(first)); expected several prompt and batch sizes")
    }
    prefillError = FitError(Self.errorsLeftOut(table.prefill))
    decodeError = FitError(Self.errorsLeftOut(table.decode) + Self.errorsLeftOut(table.context))
    notes = [
      "measured on an engine of 2023 without chunked prefill; prefill and decode together are 1.1 x the prefill of all "
        + "tokens, as Splitwise's simulator has it"
    ]
    profile = try Self.profile(
      first, table, coefficients: Self.coefficients(rows), path, options,
      source: "Splitwise, perf_model.csv, medians of the repeats; left out one by one, points are interpolated with a "
        + "median error of \(Self.percent(prefillError.p50)) (prefill) and \(Self.percent(decodeError.p50)) (decode).")
  }

  /// As that of `ProfileImport`.
  public var table: String {
    FitErrorTable.text(profile, [("prefill, table", prefillError), ("decode, table", decodeError)], notes)
  }

  private static func percent(_ share: Double) -> String { "\((share * 1000).rounded() / 10) %" }

  // MARK: - Choice

  private static func name(_ row: SplitwiseRow) -> String {
    "\(row.model) on \(row.hardware) tp\(row.tensorParallel)"
  }

  private static func chosen(
    _ rows: [SplitwiseRow], _ path: String, _ options: ProfileImportOptions
  ) throws(ProfileImportError) -> [SplitwiseRow] {
    let found = rows.filter { row in
      (options.model.map { $0 == row.model } ?? true) && (options.gpu.map { $0 == row.hardware } ?? true)
        && (options.tensorParallel.map { $0 == row.tensorParallel } ?? true)
    }
    let names = Set((found.isEmpty ? rows : found).map(name)).sorted()
    guard !found.isEmpty, names.count == 1 else {
      throw ProfileImportError(
        "\(path): expected --model, --gpu and --tensor-parallel of one of: \(names.joined(separator: "; "))")
    }
    return found
  }

  // MARK: - The table

  private static func table(_ rows: [SplitwiseRow]) -> IterationTimeTable? {
    // One axis is varied at a time: the batch at one prompt and output length, both lengths for one sequence.
    let batched = rows.filter { $0.sequences > 1 }
    guard let base = batched.first ?? rows.first else { return nil }
    let alike = rows.filter { $0.promptTokens == base.promptTokens && $0.outputTokens == base.outputTokens }
    let single = rows.filter { $0.sequences == 1 }
    guard let prefill = curve(rows.map { (Double($0.prefillTokens), $0.promptMs) }),
      let decode = curve(alike.map { (Double($0.sequences), $0.tokenMs) }),
      let context = curve(single.map { ($0.contextTokens, $0.tokenMs) }), prefill.x.count > 2, decode.x.count > 2
    else { return nil }
    return IterationTimeTable(
      prefill: prefill, decode: decode, decodeContext: base.contextTokens, context: context, mixedFactor: mixedFactor)
  }

  /// Medians by quantity, in order.
  private static func curve(_ points: [(x: Double, ms: Double)]) -> TimeCurve? {
    let groups = Dictionary(grouping: points, by: \.x).sorted { $0.key < $1.key }
    return TimeCurve(x: groups.map(\.key), ms: groups.map { median($0.value.map(\.ms)) })
  }

  private static func median(_ values: [Double]) -> Double {
    let sorted = values.sorted()
    return (sorted[(sorted.count - 1) / 2] + sorted[sorted.count / 2]) / 2
  }

  /// Relative error at each inner point of the curve through the others.
  private static func errorsLeftOut(_ curve: TimeCurve) -> [Double] {
    curve.x.indices.dropFirst().dropLast().compactMap { index in
      var (x, ms) = (curve.x, curve.ms)
      let point = (x.remove(at: index), ms.remove(at: index))
      return TimeCurve(x: x, ms: ms).map { $0.ms(at: point.0) / point.1 - 1 }
    }
  }

  /// The linear form fitted to the same rows, for those who need marginal costs.
  private static func coefficients(_ rows: [SplitwiseRow]) -> (decodeOnly: Coefficients, withPrefill: Coefficients) {
    let decodes = rows.map { row in
      IterationSample(
        prefillTokens: 0, prefillPairs: 0, prefixTokens: 0, decodes: Double(row.sequences),
        decodeContextTokens: Double(row.sequences) * row.contextTokens, longestContextTokens: row.contextTokens,
        ms: row.tokenMs)
    }
    let prefills = rows.map { row in
      let tokens = Double(row.prefillTokens)
      return IterationSample(
        prefillTokens: tokens, prefillPairs: tokens * Double(row.promptTokens) / 2, prefixTokens: 0, decodes: 0,
        decodeContextTokens: 0, longestContextTokens: 0, ms: row.promptMs)
    }
    let decodeOnly = LinearFit.fit(decodes)
    var withPrefill = LinearFit.fit(prefills)
    withPrefill.d = decodeOnly.d
    withPrefill.e = decodeOnly.e
    return (decodeOnly, withPrefill)
  }

  private typealias Coefficients = IterationTimeModel.Coefficients

  // MARK: - The profile

  private static func profile(
    _ row: SplitwiseRow, _ table: IterationTimeTable,
    coefficients: (decodeOnly: Coefficients, withPrefill: Coefficients),
    _ path: String, _ options: ProfileImportOptions, source: String
  ) throws(ProfileImportError) -> GPUProfile {
    guard var model = ModelDimensions.known(row.model) else {
      throw ProfileImportError("\(path): the shape of model \"\(row.model)\" is not known")
    }
    if let layers = options.layers { model.layers = layers }
    if let parameters = options.parameters { model.parameters = parameters }
    let kvBytes = options.kvBytesPerToken ?? model.kvBytesPerToken(elementBytes: 2)
    let memory = GPUMemory(options: options, names: [row.hardware])
    let estimate = memory?.kvTokens(
      gpus: row.tensorParallel, weightBytes: 2 * model.parameters, kvBytesPerToken: kvBytes)
    guard let tokens = options.kvTokens ?? estimate, tokens >= GPUMemory.blockTokens else {
      throw ProfileImportError("\(path): no KV capacity for \(name(row)); expected --kv-tokens or --memory-gib")
    }
    let time = IterationTimeModel(
      form: .table, decodeOnly: coefficients.decodeOnly, withPrefill: coefficients.withPrefill,
      overheadUs: options.overheadUs, table: table)
    return GPUProfile(
      name: options.name ?? "\(row.hardware)-\(model.id)-tp\(row.tensorParallel)",
      description: "\(name(row)), interpolated in measurements.", source: source, gpu: row.hardware,
      modelID: model.id, parameters: model.parameters, kvBytesPerToken: kvBytes, tensorParallel: row.tensorParallel,
      kvCapacityTokens: tokens, kvBlockTokens: GPUMemory.blockTokens,
      stepTokens: options.stepTokens ?? Int(table.prefill.x[table.prefill.x.count - 1]),
      sequences: options.sequences ?? Int(table.decode.x[table.decode.x.count - 1]),
      length: options.length ?? model.length, time: time)
  }
}
