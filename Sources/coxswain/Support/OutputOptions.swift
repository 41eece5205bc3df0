import ArgumentParser

/// `-o table|json`: the same in every command that prints data.
struct OutputOptions: ParsableArguments {
  enum Format: String, CaseIterable, ExpressibleByArgument {
    case table
    case json
  }

  @Option(name: [.customShort("o"), .customLong("output")], help: "How to print: table for people, json for programs.")
  var format: Format = .table

  var isJSON: Bool { format == .json }
}
