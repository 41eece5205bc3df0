import Policy
import WireProtocol

/// A policy file in the making: members are laid over it, and it is valid after each.
struct PolicyDraft {
  private static let suffix = "-tuned"
  /// The sections of a policy file: objects of settings, each with a value of its own.
  private static let sections = ["queue", "batch", "admission", "preemption", "memory", "speculation"]

  /// Where tuning starts: says what the base says, under a name of its own.
  let start: PolicyDocument
  private(set) var document: PolicyDocument

  /// - Parameter need: what the policy is for; nil: what the base is for.
  init(_ base: PolicyDocument, need: PolicyNeed?) throws(PolicyErrors) {
    var file = base.json.objectValue ?? JSONObject()
    if PolicyDocument.preset(base.config.name) == base {
      file = ["version": JSONValue(PolicyLimits.version), "preset": .string(base.config.name)]
    }
    file["name"] = .string(base.config.name.prefix(PolicyLimits.nameLength - Self.suffix.count) + Self.suffix)
    if let need, need != base.need { file["need"] = .string(need.rawValue) }
    start = try PolicyDocument.decode(.object(file))
    document = start
  }

  /// The policy with a candidate's members on top; nil when it says nothing new, or would not be valid.
  func with(_ change: JSONObject) -> PolicyDocument? {
    var file = document.json.objectValue ?? JSONObject()
    for member in change.members {
      guard case .object(let settings) = member.value else {
        file[member.name] = member.value
        continue
      }
      var section = file[member.name]?.objectValue ?? JSONObject()
      for setting in settings.members { section[setting.name] = setting.value }
      file[member.name] = .object(section)
    }
    guard let changed = try? PolicyDocument.decode(.object(file)), changed.config != document.config else {
      return nil
    }
    return changed
  }

  /// Takes what `with` made.
  mutating func take(_ changed: PolicyDocument) { document = changed }

  /// The policy without the settings that came back to what they were at the start.
  func proposal() throws(PolicyErrors) -> PolicyDocument {
    var file = document.json.objectValue ?? JSONObject()
    let before = start.effective
    let after = document.effective
    for name in Self.sections {
      guard var section = file[name]?.objectValue else { continue }
      for setting in section.names
      where start.json[name]?[setting] == nil && before[name]?[setting] == after[name]?[setting] {
        section[setting] = nil
      }
      file[name] = section.isEmpty && start.json[name] == nil ? nil : .object(section)
    }
    return try PolicyDocument.decode(.object(file))
  }
}
