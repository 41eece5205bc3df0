import ArgumentParser
import SchedulerCore
import Simulator

/// What the simulated engine can do beside computing: other tiers for KV, drafts, adapters.
struct EngineFeatureOptions: ParsableArguments {
  static let gigabyte = 1_000_000_000.0
  static let gigabytesRange = 0.0...1e6
  static let countRange = 1...100_000
  static let biasRange = 0.1...10.0

  @Option(help: ArgumentHelp("Tokens per KV block in place of the profile's.", valueName: "n")) var blockTokens: Int?
  @Flag(help: "Compute equal prefixes every time.") var noPrefixCaching = false
  @Flag(help: "Tell the scheduler nothing of the profile's iteration times: it guesses, and learns.")
  var noTimeModel = false
  @Option(
    help: ArgumentHelp(
      "The scheduler is told the profile's iteration times so many times as long as they are.", valueName: "x"))
  var timeModelBias = 1.0
  @Option(help: ArgumentHelp("Pinned host memory for KV that leaves the GPU.", valueName: "GB")) var swapCpuGb = 0.0
  @Option(help: ArgumentHelp("Bandwidth between GPU and host in place of the profile's.", valueName: "GB/s"))
  var swapCpuGbPerS: Double?
  @Option(help: ArgumentHelp("Room on SSD for KV that leaves the GPU.", valueName: "GB")) var swapSsdGb = 0.0
  @Option(help: ArgumentHelp("Bandwidth between GPU and SSD.", valueName: "GB/s")) var swapSsdGbPerS = 5.0
  @Option(
    help: ArgumentHelp(
      "What plans may do with the prefix cache: \(Self.cacheVerbNames.joined(separator: ", ")), with commas between.",
      valueName: "verbs"))
  var cacheVerbs: String?
  @Option(help: ArgumentHelp("Tokens of one named unit of a prefix.", valueName: "n"))
  var cacheUnitTokens = PrefixOptions.unitTokensDefault
  @Option(help: ArgumentHelp("Pinned host memory for prefixes that leave the GPU.", valueName: "GB"))
  var cacheTierGb = 0.0
  @Option(help: ArgumentHelp("Its bandwidth to the GPU in place of the profile's.", valueName: "GB/s"))
  var cacheTierGbPerS: Double?
  @OptionGroup var drafter: DraftOptions
  @Option(help: ArgumentHelp("How the share of right drafts varies: \(Self.modeNames).", valueName: "mode"))
  var acceptanceMode = SpeculationOptions.Mode.fixed
  @Option(help: ArgumentHelp("Adapters that requests ask for.", valueName: "n")) var adapters = 0
  @Option(help: ArgumentHelp("Adapters on the GPU at once.", valueName: "n")) var residentAdapters = 8
  @Option(help: ArgumentHelp("Time to load an adapter.", valueName: "x")) var adapterLoadMs = 5.0

  static let modeNames = SpeculationOptions.Mode.allCases.map(\.rawValue).joined(separator: ", ")

  func validate() throws {
    for (name, value) in [
      ("--swap-cpu-gb", swapCpuGb), ("--swap-ssd-gb", swapSsdGb), ("--adapter-load-ms", adapterLoadMs),
      ("--cache-tier-gb", cacheTierGb),
    ] where !Self.gigabytesRange.contains(value) {
      throw ValidationError("\(name) \(value): expected \(Self.gigabytesRange)")
    }
    for (name, value) in [
      ("--swap-cpu-gb-per-s", swapCpuGbPerS ?? 1), ("--swap-ssd-gb-per-s", swapSsdGbPerS),
      ("--cache-tier-gb-per-s", cacheTierGbPerS ?? 1),
    ]
    where value <= 0 || !Self.gigabytesRange.contains(value) {
      throw ValidationError("\(name) \(value): expected more than 0, at most \(Self.gigabytesRange.upperBound)")
    }
    guard Self.biasRange.contains(timeModelBias) else {
      throw ValidationError("--time-model-bias \(timeModelBias): expected \(Self.biasRange)")
    }
    guard !noTimeModel || timeModelBias == 1 else {
      throw ValidationError("--no-time-model: there is nothing that --time-model-bias could be about")
    }
    guard (0...Self.countRange.upperBound).contains(adapters) else {
      throw ValidationError("--adapters \(adapters): expected \(0...Self.countRange.upperBound)")
    }
    try validateCache()
    for (name, value) in [
      ("--resident-adapters", residentAdapters), ("--block-tokens", blockTokens ?? 1),
      ("--cache-unit-tokens", cacheUnitTokens),
    ] where !Self.countRange.contains(value) {
      throw ValidationError("\(name) \(value): expected \(Self.countRange)")
    }
  }

  private static let cacheVerbNames = ["evict", "pin", "prefetch"]

  private var cacheWords: [String] { cacheVerbs?.split(separator: ",").map(String.init) ?? [] }

  private func validateCache() throws {
    let isWrong = cacheVerbs != nil && (cacheWords.isEmpty || !Set(cacheWords).isSubset(of: Self.cacheVerbNames))
    if isWrong {
      throw ValidationError(
        "--cache-verbs \(cacheVerbs ?? ""): expected some of \(Self.cacheVerbNames.joined(separator: ", "))")
    }
    guard cacheVerbs == nil || !noPrefixCaching else {
      throw ValidationError("--no-prefix-caching: there is nothing that --cache-verbs could be about")
    }
    guard cacheVerbs != nil || (cacheTierGb == 0 && cacheTierGbPerS == nil) else {
      throw ValidationError("--cache-tier-gb needs --cache-verbs: nothing else brings prefixes back")
    }
  }

  private var prefix: PrefixOptions? {
    guard cacheVerbs != nil else { return nil }
    let verbs = Capabilities.named.filter { entry in cacheWords.contains { "kv_\($0)" == entry.name } }
    return PrefixOptions(
      verbs: verbs.reduce(into: []) { $0.insert($1.verb) }, unitTokens: cacheUnitTokens,
      tierBytes: Int(cacheTierGb * Self.gigabyte), tierBytesPerS: cacheTierGbPerS.map { $0 * Self.gigabyte })
  }

  func apply(to options: inout EngineOptions) {
    options.prefix = prefix
    options.prefixCaching = !noPrefixCaching
    options.tellsIterationTimes = !noTimeModel
    options.timeModelBias = timeModelBias
    options.blockTokens = blockTokens
    if swapCpuGb > 0 || swapSsdGb > 0 {
      options.swap = SwapOptions(
        cpuBytes: Int(swapCpuGb * Self.gigabyte), cpuBytesPerS: swapCpuGbPerS.map { $0 * Self.gigabyte },
        ssdBytes: Int(swapSsdGb * Self.gigabyte), ssdBytesPerS: swapSsdGbPerS * Self.gigabyte)
    }
    options.speculation = drafter.drafts.map { drafter.speculation(acceptanceMode, drafts: $0) }
    options.draftsPerBatch = drafter.draftsPerBatch
    if adapters > 0 {
      options.adapters = AdapterOptions(resident: residentAdapters, loadUs: Int(adapterLoadMs * 1000 + 0.5))
    }
  }
}
