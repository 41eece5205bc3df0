import Foundation
import Testing
import WireProtocol

/// The words in `details.reason` and those that the schema of errors lists are the same.
struct ReasonDriftTests {
  private static let repository = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()

  @Test func everyReasonIsInTheSchemaAndTheOtherWayRound() throws {
    var used: Set<String> = []
    for folder in ["Sources/Sidecar", "Sources/WireProtocol"] {
      let root = Self.repository.appending(path: folder)
      let files = try #require(FileManager.default.enumerator(at: root, includingPropertiesForKeys: nil))
      for case let file as URL in files where file.pathExtension == "swift" {
        let text = try String(contentsOf: file, encoding: .utf8)
        for match in text.matches(of: /"reason": "([A-Z_]+)"/) { used.insert(String(match.1)) }
      }
    }
    let schema = try JSONValue(
      parsing: Array(Data(contentsOf: Self.repository.appending(path: "Schemas/error-v1.json"))))
    let reason = schema["properties"]?["details"]?["properties"]?["reason"]
    let listed = try #require(reason?["oneOf"]?.arrayValue).compactMap { $0["const"]?.stringValue }
    #expect(used == Set(listed))
  }
}
