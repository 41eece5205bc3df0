import ArgumentParser
import Glibc
import Simulator
import WireProtocol

struct DraftsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "drafts", abstract: "How good a policy's drafts are, at constant batch, beside an oracle's.",
    discussion: """
      Whoever ends is followed by another at once; what counts is output tokens per second of virtual time. The oracle
      knows the true probability of every draft. "worst seed" is the least over the seeds. With --tree-width the engine
      verifies trees, and "of chains" is beside the same policy for the same engine without them.

      EXAMPLES
        coxswain drafts
        coxswain drafts --mode mixed --batch 1 --batch 32 --tree-width 8
        coxswain drafts --profile a100-llama31-8b --tree-width 4 --tree-drafts 15 -o json
      """)

  static let batchRange = 1...1_024
  static let seedsRange = 1...100
  static let secondsRange = 0.01...3_600
  /// The flagship drafts for decodes that are due only, and few are while nobody else waits.
  static let policyDefault = "vllm-v1"

  @Option(help: ArgumentHelp("GPU profile: a bundled name or a file.", valueName: "profile"))
  var profile = GPUProfile.defaultName
  @Option(help: ArgumentHelp("Policy file or preset; its drafts are weighed by goodput.", valueName: "policy"))
  var policy = Self.policyDefault
  @Option(
    help: ArgumentHelp(
      "How acceptance varies: \(EngineFeatureOptions.modeNames); may be repeated.", valueName: "mode"))
  var mode: [SpeculationOptions.Mode] = []
  @Option(help: ArgumentHelp("Requests at any time; may be repeated.", valueName: "n")) var batch: [Int] = []
  @Option(help: ArgumentHelp("Runs that each figure is the mean of.", valueName: "n"))
  var seeds = SpeculationStudy.seedsDefault
  @Option(help: ArgumentHelp("The first seed.", valueName: "n")) var seed: UInt64 = 1
  @Option(help: ArgumentHelp("Virtual time of each run.", valueName: "s")) var seconds = 20.0
  @OptionGroup var drafter: DraftOptions
  @OptionGroup var output: OutputOptions

  func validate() throws {
    for size in batch where !Self.batchRange.contains(size) {
      throw ValidationError("--batch \(size): expected \(Self.batchRange)")
    }
    guard Self.seedsRange.contains(seeds) else {
      throw ValidationError("--seeds \(seeds): expected \(Self.seedsRange)")
    }
    guard Self.secondsRange.contains(seconds) else {
      throw ValidationError("--seconds \(seconds): expected \(Self.secondsRange)")
    }
  }

  func run() throws {
    var policy = try PolicyArgument.load(policy).config
    policy.speculation.mode = .goodput
    let study = SpeculationStudy(
      profile: try ProfileArgument.load(profile), policy: policy,
      speculation: drafter.speculation(.mixed, drafts: drafter.drafts ?? DraftOptions.draftsRange.upperBound),
      modes: mode.isEmpty ? [.mixed, .drifting, .adversarial] : mode,
      batches: batch.isEmpty ? SpeculationStudy.batchesDefault : batch, seeds: seeds, firstSeed: seed,
      spanUs: Int64(seconds * 1_000_000), draftsPerBatch: drafter.draftsPerBatch)
    let rows = try rows(study)
    if output.isJSON { return try StandardOutput.document(study.json(rows)) }
    try StandardOutput.line(study.text(rows))
  }

  private func rows(_ study: SpeculationStudy) throws(CommandFailure) -> [SpeculationStudy.Row] {
    var bar = ProgressBar()
    defer { bar.finish() }
    let startNs = MonotonicClock.nowNs()
    var rows: [SpeculationStudy.Row] = []
    for cell in study.cells {
      bar.show(
        done: rows.count, total: study.cells.count, unit: "rows", note: "\(cell.mode.rawValue), \(cell.batch)",
        elapsedUs: (MonotonicClock.nowNs() - startNs) / 1000)
      do throws(EngineRunError) {
        rows.append(try study.row(mode: cell.mode, batch: cell.batch))
      } catch { throw CommandFailure(.failed, error.description) }
    }
    return rows
  }
}
