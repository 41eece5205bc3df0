import SchedulerCore

/// The reply to Register (session rule 3).
public struct RegisterReply: Hashable, Sendable {
  /// The last Step that counted in an earlier session of the same boot id.
  public struct Applied: Hashable, Sendable {
    public var epoch: UInt64
    public var seq: UInt64

    public init(epoch: UInt64, seq: UInt64) {
      self.epoch = epoch
      self.seq = seq
    }
  }

  /// Version of the wire contract.
  public static let wireVersion = 1
  /// Names that `step_fields` may list.
  private static let stepFieldsMax = 64

  public var session: String
  public var epoch: UInt64
  public var applied: Applied?
  public var policyGeneration: Int
  public var mirrorLimits: MirrorLimits
  /// The engine may name prefixes in its Steps.
  public var takesPrefixes: Bool

  public init(
    session: String, epoch: UInt64, applied: Applied?, policyGeneration: Int, mirrorLimits: MirrorLimits,
    takesPrefixes: Bool = false
  ) {
    self.session = session
    self.epoch = epoch
    self.applied = applied
    self.policyGeneration = policyGeneration
    self.mirrorLimits = mirrorLimits
    self.takesPrefixes = takesPrefixes
  }

  public var json: JSONValue {
    [
      "session": .string(session), "epoch": JSONValue(epoch),
      "applied": applied.map { ["epoch": JSONValue($0.epoch), "seq": JSONValue($0.seq)] } ?? .null,
      "policy_generation": JSONValue(policyGeneration),
      "mirror_limits": [
        "running": JSONValue(mirrorLimits.running), "waiting": JSONValue(mirrorLimits.waiting),
        "arrived_per_step": JSONValue(mirrorLimits.arrivedPerStep),
      ],
      "wire": JSONValue(Self.wireVersion),
      "step_fields": .array(stepFields.map { .string($0) }),
    ]
  }

  private var stepFields: [String] {
    MessageField.Step.stepFields.map(\.rawValue)
      + (takesPrefixes ? MessageField.PrefixField.allCases.map(\.rawValue) : [])
  }

  public static func decode(_ json: JSONValue) throws(CallError) -> RegisterReply {
    let message = try MessageReader(json)
    guard let epoch = message.object["epoch"]?.unsignedValue else {
      throw .invalid(field: "/epoch", "missing; expected an integer")
    }
    var applied: Applied?
    if let earlier = try message.objectIfPresent("applied") {
      guard let epoch = earlier.object["epoch"]?.unsignedValue, let seq = earlier.object["seq"]?.unsignedValue else {
        throw .invalid(field: "/applied", "expected epoch and seq")
      }
      applied = Applied(epoch: epoch, seq: seq)
    }
    let limits = try message.member("mirror_limits")
    let fields = Set(try message.array("step_fields", max: stepFieldsMax, default: []).compactMap(\.stringValue))
    return RegisterReply(
      session: try message.string("session"), epoch: epoch, applied: applied,
      policyGeneration: try message.integer("policy_generation", default: 0),
      mirrorLimits: MirrorLimits(
        running: try limits.integer("running"), waiting: try limits.integer("waiting"),
        arrivedPerStep: try limits.integer("arrived_per_step")),
      takesPrefixes: fields.isSuperset(of: MessageField.PrefixField.allCases.map(\.rawValue)))
  }
}
