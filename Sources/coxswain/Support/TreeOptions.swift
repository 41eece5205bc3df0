import ArgumentParser
import SchedulerCore
import Simulator

/// Trees of drafts that a simulated engine verifies, and the truth about candidates beside the first.
struct TreeOptions: ParsableArguments {
  static let widthRange = 1...DraftShape.widthMax
  static let draftsRange = 2...35

  @Option(help: ArgumentHelp("Candidates of one level of a tree at most; 1: no trees.", valueName: "n"))
  var treeWidth = 1
  @Option(help: ArgumentHelp("Drafts of one tree at most, over all its levels.", valueName: "n"))
  var treeDrafts = Self.draftsRange.upperBound
  @Option(
    help: ArgumentHelp(
      "Each further candidate of a level is so many times as likely to be right as the one before it was.",
      valueName: "x"))
  var furtherAcceptance = 0.5

  func validate() throws {
    guard Self.widthRange.contains(treeWidth) else {
      throw ValidationError("--tree-width \(treeWidth): expected \(Self.widthRange)")
    }
    guard Self.draftsRange.contains(treeDrafts) else {
      throw ValidationError("--tree-drafts \(treeDrafts): expected \(Self.draftsRange)")
    }
    guard (0...1).contains(furtherAcceptance) else {
      throw ValidationError("--further-acceptance \(furtherAcceptance): expected 0...1")
    }
  }

  /// nil: chains only.
  var tree: SpeculationOptions.Tree? {
    guard treeWidth > 1 else { return nil }
    return .init(widthMax: treeWidth, nodesMax: treeDrafts, furtherShare: furtherAcceptance)
  }
}
