import Policy
import WireProtocol

/// What tuning found: for each step what was tried and chosen, the policy that this comes to, and what it is worth.
public struct TuningReport: Sendable {
  public let traffic: TuningTraffic
  public let profile: String
  public let instances: Int
  public let base: PolicyDocument
  public let need: PolicyNeed?
  public let objective: TuningObjective
  public var classes: [TuningClass] = []
  public var steps: [TuningResult] = []
  /// nil: the instances' own.
  public var roles: RoleMode?
  /// The base with the changes on top, as a file.
  public var proposal: PolicyDocument
  /// On the traffic that was tuned on; nil when not even the base was simulated.
  public var tuned: TuningComparison?
  public var heldBack: TuningComparison?
  public var outcome: TuningOutcome?
  /// False when it was interrupted.
  public var isComplete = false

  init(_ tuner: Tuner, start: PolicyDocument) {
    traffic = tuner.traffic
    profile = tuner.cluster.instances[0].profile.name
    instances = tuner.cluster.instances.count
    base = tuner.base
    need = tuner.need
    objective = tuner.objective
    roles = tuner.cluster.roleMode
    proposal = start
  }

  /// What the operator should know beside the figures, one line each: of the classes, and of the proposal as the
  /// validator says it.
  public var warnings: [String] {
    let defaultClass = proposal.config.defaultClass
    let listed = Set(proposal.config.classes.map(\.name))
    var lines = classes.flatMap { $0.warnings(isListed: listed.contains($0.entry.name), defaultClass: defaultClass) }
    lines += proposal.warnings
    if let outcome, outcome.isWorse { lines.append("\(outcome.text): do not apply it unseen") }
    return lines
  }

  public var json: JSONValue {
    [
      "traffic": traffic.json, "profile": .string(profile), "instances": JSONValue(instances),
      "base": .string(base.config.name), "need": need.map { .string($0.rawValue) } ?? nil,
      "objective": .string(objective.rawValue), "complete": .bool(isComplete), "classes": .array(classes.map(\.json)),
      "steps": .array(steps.map(\.json)), "roles": roles.map { .string($0.rawValue) } ?? nil,
      "proposal": proposal.json, "warnings": .array(warnings.map { .string($0) }), "tuned": tuned?.json ?? nil,
      "held_back": heldBack?.json ?? nil, "held_back_outcome": outcome.map { .string($0.word) } ?? nil,
    ]
  }
}
