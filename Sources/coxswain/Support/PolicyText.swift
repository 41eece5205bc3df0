import EmbeddedText
import Policy
import WireProtocol

/// A policy for people: every member, as files name it, with every default filled in and the unit that the schema says.
enum PolicyText {
  private static let schema = EmbeddedFile.bytes("Schemas/policy-v1.json").flatMap { try? JSONValue(parsing: $0) }

  static func text(_ document: PolicyDocument) -> String {
    var settings = TextTable(["MEMBER", ">VALUE", "UNIT"])
    var lists: [String] = []
    for member in document.effective.objectValue?.members ?? [] {
      switch member.value {
      case .array(let elements): lists.append(list(member.name, elements))
      case .object(let section):
        for setting in section.members {
          settings.add(["/\(member.name)/\(setting.name)", value(setting.value), unit(member.name, setting.name)])
        }
      default: if member.name != "description" { settings.add(["/\(member.name)", value(member.value)]) }
      }
    }
    return ([settings.text] + lists).joined(separator: "\n")
  }

  /// Objects of one kind, a row for each and a column for each member that any of them has.
  private static func list(_ name: String, _ elements: [JSONValue]) -> String {
    var columns: [String] = []
    for element in elements {
      for column in element.objectValue?.names ?? [] where !columns.contains(column) { columns.append(column) }
    }
    guard let first = columns.first else { return "no \(name)\n" }
    var table = TextTable(["/\(name)/\(first)"] + columns.dropFirst().map { ">\($0)" })
    for element in elements { table.add(columns.map { element[$0].map(value) ?? "-" }) }
    return table.text
  }

  private static func value(_ json: JSONValue) -> String { json == .null ? "not set" : json.stringValue ?? json.text }

  private static func unit(_ section: String, _ setting: String) -> String {
    schema?["properties"]?[section]?["properties"]?[setting]?["x-unit"]?.stringValue ?? ""
  }
}
