import Glibc
import SchedulerCore

/// A GPU profile made from a folder of measured kernel times: iterations are put together from the kernels, both forms
/// of the time model are fitted to them, and the KV capacity comes from the GPU's memory. GPU time only: collective
/// operations between GPUs are in no kernel file, and so in no profile.
public struct ProfileImport: Sendable {
  public let profile: GPUProfile
  public let decodeOnly: RegimeFit
  public let withPrefill: RegimeFit
  /// What a reader of the figures should know.
  public let notes: [String]

  public init(folder: String, options: ProfileImportOptions = ProfileImportOptions()) throws(ProfileImportError) {
    let path = try Self.folder(folder, tensorParallel: options.tensorParallel)
    let kernels = try KernelFolder(path)
    let subject = try ProfileSubject(path: path, meta: kernels.meta, options: options)
    let composer = IterationComposer(
      kernels: kernels, layers: subject.dimensions.layers, kvCapacityTokens: subject.kvCapacityTokens)
    let samples = composer.samples()
    decodeOnly = try Self.fit(samples.filter { $0.prefillTokens == 0 }, "without prefill", path)
    withPrefill = try Self.fit(samples.filter { $0.prefillTokens > 0 }, "with prefill", path)
    var notes = subject.notes
    if kernels.skew.isEmpty { notes.append("no skew.csv: unequal contexts take no more time than equal ones") }
    if kernels.perSequence.isEmpty { notes.append("no per_sequence.csv: lm_head and sampler take no time") }
    if subject.tensorParallel > 1 {
      notes.append("all-reduce between \(subject.tensorParallel) GPUs is not in the measurements and not in the times")
    }
    self.notes = notes
    profile = subject.profile(
      time: IterationTimeModel(
        form: options.form,
        decodeOnly: Self.skewed(decodeOnly.coefficients(options.form), kernels.skew.filter { !$0.hasPrefill }),
        withPrefill: Self.skewed(withPrefill.coefficients(options.form), kernels.skew.filter(\.hasPrefill)),
        overheadUs: options.overheadUs),
      source: Self.source(kernels.meta, decodeOnly.error(options.form), withPrefill.error(options.form), notes))
  }

  /// The folder with the tables: the one given, or its only `tp<n>` (the one asked for, if there are several).
  private static func folder(_ given: String, tensorParallel: Int?) throws(ProfileImportError) -> String {
    let path = given.count > 1 && given.hasSuffix("/") ? String(given.dropLast()) : given
    guard access(path, R_OK | X_OK) == 0 else {
      throw ProfileImportError("\(path): \(String(cString: strerror(errno)))")
    }
    func hasTables(_ folder: String) -> Bool {
      access(folder + "/attention.csv", R_OK) == 0 || access(folder + "/attention.csv.gz", R_OK) == 0
    }
    if hasTables(path) { return path }
    let found = (1...ProfileSubject.tensorParallelMax).filter { hasTables("\(path)/tp\($0)") }
    if let wanted = tensorParallel, found.contains(wanted) { return "\(path)/tp\(wanted)" }
    if found.count == 1 { return "\(path)/tp\(found[0])" }
    guard found.count > 1 else { return path }
    throw ProfileImportError(
      "\(path): measurements for \(found.map { "tp\($0)" }.joined(separator: ", ")); expected one of those folders, "
        + "or --tensor-parallel")
  }

  private static func fit(
    _ samples: [IterationSample], _ kind: String, _ path: String
  ) throws(ProfileImportError) -> RegimeFit {
    guard samples.count >= RegimeFit.samplesMin else {
      throw ProfileImportError(
        "\(path)/attention.csv: \(samples.count) rows \(kind) whose KV fits; expected at least "
          + "\(RegimeFit.samplesMin)")
    }
    return RegimeFit(samples)
  }

  /// Attention takes as long as `n M` instead of `K` tokens of context for a share of the way.
  private static func skewed(
    _ k: IterationTimeModel.Coefficients, _ skew: [ContextSkew]
  ) -> IterationTimeModel.Coefficients {
    var k = k
    k.h = ContextSkew.share(skew) * k.e
    return k
  }

  private static func source(
    _ meta: KernelMeta, _ decodeOnly: FitError, _ withPrefill: FitError, _ notes: [String]
  ) -> String {
    func percent(_ share: Double) -> String { "\((share * 1000).rounded() / 10) %" }
    let engine = meta.text("vllm_version").map { " with vLLM \($0)" } ?? ""
    let day = meta.text("profiled_at").map { ", \($0.prefix(10))" } ?? ""
    let fit =
      "Kernel times measured\(engine)\(day), composed over the layers and fitted; held-out median error "
      + "\(percent(decodeOnly.p50)) without and \(percent(withPrefill.p50)) with prefill. GPU time only."
    return String(([fit] + notes.map { "\($0)." }).joined(separator: " ").prefix(GPUProfile.textMax))
  }
}
