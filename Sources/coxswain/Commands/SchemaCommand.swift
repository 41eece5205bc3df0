import ArgumentParser
import EmbeddedText
import Policy
import WireProtocol

struct SchemaCommand: ParsableCommand {
  private static let folder = "Schemas/"
  private static let suffix = ".json"

  static let configuration = CommandConfiguration(
    commandName: "schema",
    abstract: "Print a JSON Schema of the wire or of policy files, or check a document; without a name, list them.",
    discussion: """
      EXAMPLES
        coxswain schema
        coxswain schema policy-v1 > policy-v1.json
        coxswain schema step
        coxswain schema profile --check gpu.json     ends with 78 and every error when it is not valid
      """)

  @Argument(help: ArgumentHelp("Name with or without its version.", valueName: "name")) var name: String?
  @Option(help: ArgumentHelp("A document to hold against the schema; - is standard input.", valueName: "file"))
  var check: String?
  @OptionGroup var output: OutputOptions

  func validate() throws {
    if check != nil, name == nil { throw ValidationError("--check: expected the name of a schema before it") }
  }

  func run() throws {
    guard let name else { return try list() }
    guard let path = Self.path(of: name), let bytes = EmbeddedFile.bytes(path) else {
      let meant = Spelling.nearest(to: name, among: Self.names + Self.names.map(Self.unversioned))
      throw CommandFailure(
        .usage, "no schema \(name)\(meant.map { "; did you mean '\($0)'?" } ?? "") (see: coxswain schema)")
    }
    if let check {
      return try hold(check, against: String(path.dropFirst(Self.folder.count).dropLast(Self.suffix.count)))
    }
    try StandardOutput.line(String(decoding: bytes, as: UTF8.self))
  }

  private func hold(_ file: String, against name: String) throws {
    let schema: JSONSchema
    do throws(SchemaFault) { schema = try ShippedSchema.named(name) } catch {
      throw CommandFailure(.failed, "schema \(name): \(error)")
    }
    let errors = schema.errors(in: try InputFile.json(file))
    if output.isJSON {
      try StandardOutput.document(["valid": .bool(errors.isEmpty), "errors": .array(errors.map(\.json))])
    } else {
      for error in errors { try StandardOutput.line("\(file): \(error.text)") }
      if errors.isEmpty { try StandardOutput.line("\(file) is valid by \(name)") }
    }
    if !errors.isEmpty { throw CommandFailure(.badConfiguration, nil) }
  }

  private func list() throws {
    let entries = try Self.names.map { (name: $0, title: try Self.title(of: $0)) }
    if output.isJSON {
      let json = entries.map { entry -> JSONValue in ["name": .string(entry.name), "title": .string(entry.title)] }
      return try StandardOutput.document(.array(json))
    }
    var table = TextTable(["NAME", "TITLE"])
    for entry in entries { table.add([entry.name, entry.title]) }
    try StandardOutput.write(table.text)
  }

  private static var names: [String] {
    EmbeddedFile.paths.compactMap { path in
      let isSchema = path.hasPrefix(folder) && path.hasSuffix(suffix) && !path.dropFirst(folder.count).contains("/")
      return isSchema ? String(path.dropFirst(folder.count).dropLast(suffix.count)) : nil
    }
  }

  /// `policy-v1`, `policy-v1.json` and `policy` name the same; of several versions the latest.
  private static func path(of wanted: String) -> String? {
    let wanted = wanted.hasSuffix(suffix) ? String(wanted.dropLast(suffix.count)) : wanted
    let name =
      names.first { $0 == wanted }
      ?? names.last { $0.hasPrefix(wanted + "-v") && $0.dropFirst(wanted.count + 2).allSatisfy(\.isNumber) }
    return name.map { folder + $0 + suffix }
  }

  /// `policy` for `policy-v1`.
  private static func unversioned(_ name: String) -> String {
    name.lastIndex(of: "-").map { String(name[..<$0]) } ?? name
  }

  private static func title(of name: String) throws -> String {
    try EmbeddedFile.bytes(folder + name + suffix).map { try JSONValue(parsing: $0) }?["title"]?.stringValue ?? ""
  }
}
