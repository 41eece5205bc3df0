import Foundation
import Testing
import WireProtocol

/// The independent judge: Scripts/judge.py with python3-jsonschema.
enum Judge {
  struct Failure: Error, CustomStringConvertible {
    var description: String
  }

  /// The Python that can judge; nil, said loudly, when there is none. `make test` makes sure that there is one.
  static let python: String? = {
    let environment = ProcessInfo.processInfo.environment
    for candidate in [environment["COXSWAIN_PYTHON"], "python3", "/usr/bin/python3"].compactMap({ $0 }) {
      if let result = try? run([candidate, "-c", "import jsonschema"], input: ""), result.status == 0 {
        return candidate
      }
    }
    FileHandle.standardError.write(
      Data("\n*** SKIPPED: comparisons with python3-jsonschema, which is missing (make setup installs it) ***\n".utf8))
    return nil
  }()

  /// Whether each message is valid by its schema.
  static func verdicts(_ messages: [(schema: String, message: JSONValue)]) throws -> [Bool] {
    let lines = messages.map { JSONValue.object(["schema": .string($0.schema), "message": $0.message]).text }
    let script = Repository.root.appending(path: "Scripts/judge.py").path
    let result = try run([try #require(python), script, "verdicts"], input: lines.joined(separator: "\n") + "\n")
    guard result.status == 0 else { throw Failure(description: "judge.py ended with \(result.status)") }
    return result.output.split(separator: "\n").map { $0 == "true" }
  }

  private static func run(_ words: [String], input: String) throws -> (status: Int32, output: String) {
    let folder = FileManager.default.temporaryDirectory.appending(path: "coxswain-judge-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let (inputFile, outputFile) = (folder.appending(path: "in"), folder.appending(path: "out"))
    try Data(input.utf8).write(to: inputFile)
    try Data().write(to: outputFile)
    let process = Process()
    process.executableURL = URL(filePath: "/usr/bin/env")
    process.arguments = words
    process.standardInput = try FileHandle(forReadingFrom: inputFile)
    process.standardOutput = try FileHandle(forWritingTo: outputFile)
    process.standardError = FileHandle.nullDevice
    try process.run()
    process.waitUntilExit()
    return (process.terminationStatus, String(decoding: try Data(contentsOf: outputFile), as: UTF8.self))
  }
}
