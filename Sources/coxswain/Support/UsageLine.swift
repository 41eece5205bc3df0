import ArgumentParser
import Policy

/// What the parser refuses, in one line: what is wrong, the name that was probably meant, and where the help is.
enum UsageLine {
  /// - Parameters:
  ///   - error: one that the parser ends with 64 for.
  ///   - arguments: the command line without the executable's name.
  static func text(_ error: any Error, arguments: [String]) -> String {
    var command: any ParsableCommand.Type = Coxswain.self
    var path = command._commandName
    var rest = arguments[...]
    while let next = command.configuration.subcommands.first(where: { $0._commandName == rest.first }) {
      command = next
      path += " " + next._commandName
      rest.removeFirst()
    }
    let message = Coxswain.message(for: error).split(whereSeparator: \.isWhitespace).joined(separator: " ")
    let names = command.configuration.subcommands.map { $0._commandName }
    let meant = rest.first.flatMap { Spelling.nearest(to: $0, among: names) }
    return message + (meant.map { ". Did you mean '\($0)'?" } ?? "") + " (see: \(path) --help)"
  }
}
