import EmbeddedText
import SchedulerCore
import WireProtocol

/// A policy file, decoded and checked: a preset with the file's own members on top.
public struct PolicyDocument: Hashable, Sendable {
  /// What a file without `preset` starts from (Schemas/policy-v1.json).
  public static let defaultPresetName = "vllm-v1"
  /// What runs where nobody names a policy.
  public static let servedPresetName = "balanced"
  /// Names of the presets that are compiled in, in order.
  public static let presetNames = EmbeddedFile.names(in: "Policies")

  public let config: PolicyConfig
  /// The file as it came.
  public let json: JSONValue
  /// Models with settings of their own.
  public let models: [PolicyModel]

  /// A document that was decoded and checked before, as a recording keeps it: already that of its model.
  public init(config: PolicyConfig, json: JSONValue) { self.init(config: config, json: json, models: []) }

  private init(config: PolicyConfig, json: JSONValue, models: [PolicyModel]) {
    self.config = config
    self.json = json
    self.models = models
  }

  /// The policy as it holds for an engine that serves this model: with the model's own settings, if it has any.
  public func tailored(to model: String) -> PolicyDocument {
    guard let own = models.first(where: { $0.name == model }) else { return self }
    return PolicyDocument(config: own.config, json: json, models: models)
  }

  /// A preset by name; nil when there is none.
  public static func preset(_ name: String) -> PolicyDocument? {
    if name == defaultPresetName { return defaultPreset }
    guard let bytes = EmbeddedFile.bytes("Policies/\(name).json") else { return nil }
    return compiledIn(bytes, base: defaultPreset.config)
  }

  /// Reads a file's bytes. - Throws: everything that is wrong with it.
  public static func decode(bytes: [UInt8]) throws(PolicyErrors) -> PolicyDocument {
    try decode(bytes: bytes, base: defaultPreset.config)
  }

  /// - Throws: everything that is wrong with it.
  public static func decode(_ json: JSONValue) throws(PolicyErrors) -> PolicyDocument {
    try decode(json, base: defaultPreset.config)
  }

  // MARK: -

  private static let defaultPreset = compiledIn(
    EmbeddedFile.bytes("Policies/\(defaultPresetName).json") ?? [], base: nil)

  /// A file that came with the executable. A test decodes each of them, so no user meets the failure.
  private static func compiledIn(_ bytes: [UInt8], base: PolicyConfig?) -> PolicyDocument {
    do throws(PolicyErrors) { return try decode(bytes: bytes, base: base) } catch {
      preconditionFailure("a preset is invalid: \(error)")
    }
  }

  private static func decode(bytes: [UInt8], base: PolicyConfig?) throws(PolicyErrors) -> PolicyDocument {
    let json: JSONValue
    do throws(JSONError) { json = try JSONValue(parsing: bytes) } catch {
      throw PolicyErrors([.notJSON(error, in: bytes)])
    }
    return try decode(json, base: base)
  }

  private static func decode(_ json: JSONValue, base: PolicyConfig?) throws(PolicyErrors) -> PolicyDocument {
    let decoder = PolicyDecoder(base: base)
    guard let (config, models) = decoder.decode(json), decoder.sink.errors.isEmpty else {
      throw PolicyErrors(decoder.sink.errors)
    }
    return PolicyDocument(config: config, json: json, models: models)
  }
}
