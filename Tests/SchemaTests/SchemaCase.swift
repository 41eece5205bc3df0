import Foundation
import Policy
import Testing
import WireProtocol

/// One schema with documents and their verdicts, in the format of the official test suite.
struct SchemaCase {
  var name: String
  var schema: JSONValue
  var documents: [(description: String, data: JSONValue, isValid: Bool)]

  /// The cases of one file.
  static func read(_ file: URL) throws -> [SchemaCase] {
    let cases = try #require(try JSONValue(parsing: Array(Data(contentsOf: file))).arrayValue)
    return try cases.map { entry in
      SchemaCase(
        name: "\(file.lastPathComponent): \(entry["description"]?.stringValue ?? "")",
        schema: try #require(entry["schema"]),
        documents: try #require(entry["tests"]?.arrayValue).map { test in
          (
            test["description"]?.stringValue ?? "", try #require(test["data"]),
            test["valid"] == true
          )
        })
    }
  }

  /// Compares the verdicts. - Returns: how many documents were judged; nil when the schema has what ours never have.
  func run() -> Int? {
    let compiled: JSONSchema
    do throws(SchemaFault) { compiled = try JSONSchema(schema) } catch { return nil }
    for document in documents where compiled.allows(document.data) != document.isValid {
      Issue.record("\(name): \(document.description): should be \(document.isValid ? "valid" : "invalid")")
    }
    return documents.count
  }
}
