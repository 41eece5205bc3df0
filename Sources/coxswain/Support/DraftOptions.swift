import ArgumentParser
import Simulator

/// The drafter of a simulated engine, and the truth about its drafts.
struct DraftOptions: ParsableArguments {
  static let draftsRange = 1...16
  static let millisecondsRange = 0.0...1e6

  @Option(help: ArgumentHelp("Give the engine a drafter of at most so many drafts.", valueName: "n")) var drafts: Int?
  @Option(help: ArgumentHelp("True share of drafts that are right, which no scheduler is told.", valueName: "x"))
  var acceptance = 0.7
  @Option(help: ArgumentHelp("Time of one draft token for the whole batch.", valueName: "x")) var draftMs = 0.5
  @OptionGroup var trees: TreeOptions
  @Flag(help: "The engine takes the same drafts for all requests of an iteration.") var draftsPerBatch = false

  func validate() throws {
    if let drafts, !Self.draftsRange.contains(drafts) {
      throw ValidationError("--drafts \(drafts): expected \(Self.draftsRange)")
    }
    guard (0...1).contains(acceptance) else { throw ValidationError("--acceptance \(acceptance): expected 0...1") }
    guard Self.millisecondsRange.contains(draftMs) else {
      throw ValidationError("--draft-ms \(draftMs): expected \(Self.millisecondsRange)")
    }
  }

  /// - Parameter drafts: the longest draft.
  func speculation(_ mode: SpeculationOptions.Mode, drafts: Int) -> SpeculationOptions {
    SpeculationOptions(
      mode: mode, acceptance: acceptance, draftsMax: drafts, draftUs: Int(draftMs * 1000 + 0.5),
      tree: trees.tree)
  }
}

extension SpeculationOptions.Mode: ExpressibleByArgument {}
