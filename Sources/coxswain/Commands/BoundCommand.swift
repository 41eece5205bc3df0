import ArgumentParser
import Simulator
import WireProtocol

struct BoundCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bound", abstract: "What no scheduler can exceed on a trace and a GPU profile.",
    discussion: """
      Work and fluid bounds always; with --lp-seconds a linear program over a slice of the trace (needs glpsol); hit rates
      of prefix caches where the trace has block identities; with --acceptance what speculation can give.

      EXAMPLES
        coxswain bound --trace azure_2023_conv.csv --first 6000
        coxswain bound --trace azure_2023_conv.csv --rate-scale 3.5 --lp-from 600 --lp-seconds 20 -o json
        coxswain bound --trace mooncake_conversation.jsonl.gz --cache-tokens 4000000
        coxswain bound --trace mooncake_conversation.jsonl.gz --capacity-share 0.1 --capacity-share 0.3
        coxswain bound --acceptance 0.7 --draft-ms 0.5
        coxswain bound --acceptance 0.7 --tree-width 4 --tree-drafts 16
      """)

  @OptionGroup var load: WorkloadOptions
  @Option(help: ArgumentHelp("GPU profile: a bundled name or a file.", valueName: "profile"))
  var profile = GPUProfile.defaultName
  @Option(help: ArgumentHelp("Engine time per step in place of the profile's.", valueName: "x"))
  var engineOverheadMs: Double?
  @Option(help: ArgumentHelp("KV cache in tokens in place of the profile's.", valueName: "n")) var kvTokens: Int?
  @Option(help: ArgumentHelp("Share of requests that may be dropped.", valueName: "x")) var drop = 0.01
  @Option(help: ArgumentHelp("Length of the slice for the linear program.", valueName: "s")) var lpSeconds: Double?
  @Option(help: ArgumentHelp("Where that slice begins.", valueName: "s")) var lpFrom = 0.0
  @Option(help: ArgumentHelp("Tokens of the prefix cache; default: the KV cache.", valueName: "n")) var cacheTokens:
    Int?
  @Option(
    help: ArgumentHelp(
      "Compare eviction policies with room for this share of the trace's different prompt tokens; may be repeated.",
      valueName: "x"))
  var capacityShare: [Double] = []
  @Option(help: ArgumentHelp("Probability that a draft is accepted.", valueName: "x")) var acceptance: Double?
  @Option(help: ArgumentHelp("Time of one step of the draft model.", valueName: "x")) var draftMs = 0.5
  @OptionGroup var trees: TreeOptions
  @Option(help: ArgumentHelp("Context of the requests that speculate.", valueName: "n")) var context = 1000
  @OptionGroup var output: OutputOptions

  static let secondsMax = 3600.0

  func validate() throws {
    for (name, value) in [("--kv-tokens", kvTokens), ("--cache-tokens", cacheTokens), ("--context", context)] {
      if let value, value < 1 { throw ValidationError("\(name) \(value): expected at least 1") }
    }
    guard (0..<1).contains(drop) else { throw ValidationError("--drop \(drop): expected at least 0, less than 1") }
    if let engineOverheadMs, !EngineLimitOptions.overheadRangeMs.contains(engineOverheadMs) {
      throw ValidationError("--engine-overhead-ms \(engineOverheadMs): expected \(EngineLimitOptions.overheadRangeMs)")
    }
    if let lpSeconds, !(lpSeconds > 0 && lpSeconds <= Self.secondsMax) {
      throw ValidationError("--lp-seconds \(lpSeconds): expected more than 0, at most \(Self.secondsMax)")
    }
    for share in capacityShare where !(share > 0 && share <= 1) {
      throw ValidationError("--capacity-share \(share): expected more than 0, at most 1")
    }
    guard lpFrom >= 0, lpFrom < 1e9 else { throw ValidationError("--lp-from \(lpFrom): expected seconds") }
    if let acceptance, !(0...1).contains(acceptance) {
      throw ValidationError("--acceptance \(acceptance): expected from 0 to 1")
    }
    guard EngineLimitOptions.overheadRangeMs.contains(draftMs) else {
      throw ValidationError("--draft-ms \(draftMs): expected \(EngineLimitOptions.overheadRangeMs)")
    }
  }

  func run() throws {
    var profile = try ProfileArgument.load(profile)
    if let kvTokens { profile.kvCapacityTokens = kvTokens }
    if let engineOverheadMs { profile.time.overheadUs = Int(engineOverheadMs * 1000 + 0.5) }
    let report = try report(profile)
    if output.isJSON { return try StandardOutput.document(report.json) }
    try StandardOutput.line(report.table)
  }

  private func report(_ profile: GPUProfile) throws(CommandFailure) -> BoundReport {
    let source = load.source(try load.mix())
    do throws(BoundError) {
      var report: BoundReport
      do throws(WorkloadError) {
        report = try BoundReport(source: source, profile: profile, rateScale: load.rateScale, dropped: drop)
        try report.addCache(capacityTokens: cacheTokens ?? profile.kvCapacityTokens, shares: capacityShare)
      } catch { throw .workload(error) }
      if let lpSeconds { try report.addLinearProgram(.init(fromS: lpFrom, seconds: lpSeconds)) }
      if let acceptance {
        report.addSpeculation(
          acceptance: acceptance, draftStepUs: draftMs * 1000, contextTokens: context,
          trees: trees.tree)
      }
      return report
    } catch { throw CommandFailure(.failed, error.description) }
  }
}
