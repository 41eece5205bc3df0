import Policy
import WireProtocol

extension Services {
  static let dryRunSteps = 1...1_000
  static let dryRunStepsDefault = 100

  /// `Policy/DryRun`: one step under both policies from each of the last recorded states; nothing is applied.
  func dryRunPolicy(_ message: JSONValue) async throws(CallError) -> JSONValue {
    let reader = try MessageReader(message)
    let steps = try reader.integer("steps", in: Self.dryRunSteps, default: Self.dryRunStepsDefault)
    let session = try reader.string("session", default: "")
    let document: PolicyDocument
    do throws(PolicyErrors) { document = try PolicyDocument.decode(message["policy"] ?? nil) } catch {
      throw PolicyUpdateError.invalid(error).callError
    }
    let segments = try await recording(of: ["session": .string(session)]).segments
    let before = registry.policy
    let result = try await bench.run { try StepDryRun.report(document, segments, last: steps) }
    return [
      "before_policy": .string(before.document.config.name), "before_generation": JSONValue(before.generation),
      "after_policy": .string(document.config.name),
      "changes": .array(PolicyDifference.between(before.document, document).map(\.json)),
      "warnings": .array(document.warnings.map { .string($0) }), "result": result,
    ]
  }
}
