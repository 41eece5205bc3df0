import WireProtocol

/// What a folder of measurements says of itself in `meta.yaml`: scalars by their dotted path, such as
/// "engine_effective.max_num_seqs". Only the part of YAML that profilers write is read: nested maps of scalars.
struct KernelMeta {
  static let linesMax = 10_000

  private var values: [String: String] = [:]

  /// Of a folder without the file.
  init() {}

  init(path: String) throws(ProfileImportError) {
    do throws(WorkloadError) {
      let reader = try LineReader(path)
      var parents: [(indent: Int, name: String)] = []
      while let line = try reader.next() {
        guard reader.lineNumber <= Self.linesMax else { throw reader.malformed("more than \(Self.linesMax) lines") }
        let body = line.drop { $0 == " " }
        guard !body.isEmpty, body.first != "#", body.first != "-" else { continue }
        guard let colon = body.firstIndex(of: ":") else { throw reader.malformed("no \"name: value\"") }
        let indent = line.count - body.count
        parents.removeAll { $0.indent >= indent }
        let name = (parents.map(\.name) + [String(body[..<colon])]).joined(separator: ".")
        let value = Self.scalar(body[body.index(after: colon)...])
        if value.isEmpty { parents.append((indent, String(body[..<colon]))) } else { values[name] = value }
      }
    } catch { throw ProfileImportError(error) }
  }

  /// Takes the engine's arguments of a measured run beside the kernels, as "run.max_num_seqs": its limits are those
  /// that a simulation of it needs.
  mutating func addRun(path: String) throws(ProfileImportError) {
    let json: JSONValue
    do throws(WorkloadError) {
      let reader = try LineReader(path)
      var text = ""
      while let line = try reader.next() {
        guard reader.lineNumber <= Self.linesMax else { throw reader.malformed("more than \(Self.linesMax) lines") }
        text += line + "\n"
      }
      do throws(JSONError) { json = try JSONValue(parsing: text) } catch {
        throw reader.malformed("no JSON: \(error.message) at byte \(error.offset)")
      }
    } catch { throw ProfileImportError(error) }
    for name in ["max_num_seqs", "max_num_batched_tokens"] {
      if let value = json["engine_kwargs"]?[name]?.integerValue, value > 0 { values["run.\(name)"] = String(value) }
    }
  }

  private static func scalar(_ text: Substring) -> String {
    var value = text.drop { $0 == " " }
    while value.last == " " { value.removeLast() }
    if value.count >= 2, let quote = value.first, quote == "'" || quote == "\"", value.last == quote {
      value = value.dropFirst().dropLast()
    }
    return String(value)
  }

  func text(_ name: String) -> String? { values[name] }
  func integer(_ name: String) -> Int? { values[name].flatMap { Int($0) } }
  func number(_ name: String) -> Double? { values[name].flatMap { Double($0) } }
}
