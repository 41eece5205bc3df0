import ArgumentParser
import WireProtocol

struct VersionCommand: ParsableCommand {
  static let number = "0.1.0"
  static let wireVersion = 1
  static let text = "coxswain \(number) (wire \(wireVersion))"

  static let configuration = CommandConfiguration(
    commandName: "version", abstract: "Print the version of this executable and of the wire contract.",
    discussion: """
      EXAMPLES
        coxswain version
        coxswain version -o json
      """)

  @OptionGroup var output: OutputOptions

  func run() throws {
    guard output.isJSON else { return try StandardOutput.line(Self.text) }
    try StandardOutput.document(["version": .string(Self.number), "wire": JSONValue(Self.wireVersion)])
  }
}
