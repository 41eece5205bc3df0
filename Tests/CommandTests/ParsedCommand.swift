import Foundation
import WireProtocol

/// A command as the parser itself describes it, so that a test over all of them cannot forget a new one.
struct ParsedCommand: CustomStringConvertible, Sendable {
  struct NotDescribed: Error {}

  /// Words from the executable's name on, without it; empty for the executable itself.
  var path: [String]
  /// Long names of options and names of positional arguments, with the name of their value.
  var arguments: [String: String]
  var subcommands: [String]

  var name: String { path.joined(separator: " ") }
  var description: String { "coxswain \(name)" }

  /// Every command in the order of the help, the executable first; the parser's own `help` is not ours.
  static func all() throws -> [ParsedCommand] {
    let json = try Executable.run(["--experimental-dump-help"]).json()
    guard let root = json["command"] else { throw NotDescribed() }
    return tree(root, path: [])
  }

  private static func tree(_ json: JSONValue, path: [String]) -> [ParsedCommand] {
    let children = (json["subcommands"]?.arrayValue ?? []).filter { $0["commandName"] != "help" }
    var command = ParsedCommand(path: path, arguments: [:], subcommands: [])
    command.subcommands = children.compactMap { $0["commandName"]?.stringValue }
    for argument in json["arguments"]?.arrayValue ?? [] {
      guard let valueName = argument["valueName"]?.stringValue else { continue }
      command.arguments[longName(argument) ?? valueName] = valueName
    }
    return [command] + zip(children, command.subcommands).flatMap { tree($0, path: path + [$1]) }
  }

  private static func longName(_ argument: JSONValue) -> String? {
    argument["names"]?.arrayValue?.first { $0["kind"] == "long" }?["name"]?.stringValue
  }
}
