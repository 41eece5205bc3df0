import EmbeddedText
import SchedulerCore
import WireProtocol

/// A policy file: a preset with the file's own members on top, decoded and checked.
public struct PolicyDocument: Hashable, Sendable {
  public static let defaultPresetName = "vllm-v1"

  public let config: PolicyConfig
  /// The file as it came.
  public let json: JSONValue

  /// Names of the presets that are compiled in, in order.
  public static var presetNames: [String] {
    EmbeddedFile.paths.compactMap { path in
      guard path.hasPrefix("Policies/"), path.hasSuffix(".json") else { return nil }
      return String(path.dropFirst("Policies/".count).dropLast(".json".count))
    }
  }

  /// A preset by name; nil when there is none.
  public static func preset(_ name: String) -> PolicyDocument? {
    guard let bytes = EmbeddedFile.bytes("Policies/\(name).json") else { return nil }
    do throws(PolicyErrors) { return try decode(bytes: bytes) } catch {
      // A test decodes every preset, so this cannot be reached by a user's doing.
      preconditionFailure("preset \(name): \(error)")
    }
  }

  /// Reads a file's bytes. - Throws: everything that is wrong with it.
  public static func decode(bytes: [UInt8]) throws(PolicyErrors) -> PolicyDocument {
    let json: JSONValue
    do throws(JSONError) { json = try JSONValue(parsing: bytes) } catch {
      throw PolicyErrors([
        PolicyError(
          pointer: error.pointer, message: "no JSON: \(error.message) at byte \(error.offset)",
          expected: "a JSON document", found: "something else")
      ])
    }
    return try decode(json)
  }

  public static func decode(_ json: JSONValue) throws(PolicyErrors) -> PolicyDocument {
    var decoder = PolicyDecoder()
    guard let config = decoder.decode(json), decoder.errors.isEmpty else { throw PolicyErrors(decoder.errors) }
    return PolicyDocument(config: config, json: json)
  }
}
