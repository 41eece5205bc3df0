import EmbeddedText
import Testing
import WireProtocol

@testable import Sidecar

/// The members that recordings have are those of Schemas/recording-v1.json.
struct RecordingSchemaTests {
  private func expect<Field: CaseIterable & RawRepresentable<String>>(_ path: [String], are: Field.Type) throws {
    var json = try JSONValue(parsing: try #require(EmbeddedFile.bytes("Schemas/recording-v1.json")))
    for part in path { json = try #require(json[part]) }
    let names = try #require(json["properties"]?.objectValue).names
    #expect(names == Field.allCases.map(\.rawValue), "\(path)")
  }

  @Test func membersOfTheLines() throws {
    try expect([], are: RecordingField.Line.self)
    try expect(["properties", "recording"], are: RecordingField.Recording.self)
    try expect(["properties", "start"], are: RecordingField.Start.self)
    try expect(["properties", "policy"], are: RecordingField.Policy.self)
    try expect(["properties", "step"], are: RecordingField.Step.self)
    try expect(["properties", "end"], are: RecordingField.End.self)
  }

  @Test func outcomesOfSteps() throws {
    let json = try JSONValue(parsing: try #require(EmbeddedFile.bytes("Schemas/recording-v1.json")))
    let step = json["properties"]?["step"]?["properties"]
    let words = step?["outcome"]?["enum"]?.arrayValue?.compactMap(\.stringValue)
    #expect(words == StepOutcome.allCases.map(\.name))
  }

  /// What is written has these members and no others, line by line.
  @Test func theLinesHaveTheMembers() throws {
    let conversation = Conversation()
    try conversation.register()
    _ = try conversation.step(epoch: 1_001, seq: 1, Conversation.arrival(1))
    conversation.session.publish(.unknown)
    let recording = Recording(
      origin: Recording.Origin(version: "test", writtenAtUnixMs: 0), segments: conversation.session.recording())
    let lines = try RecordedRun.lines(try RecordedRun.text(of: recording)).map {
      try JSONValue(parsing: Array($0.dropFirst(9)))
    }
    #expect(lines.map { $0.objectValue?.names } == [["recording"], ["start"], ["step"], ["resources"], ["end"]])
    #expect(lines[0]["recording"]?.objectValue?.names == RecordingField.Recording.allCases.map(\.rawValue))
    #expect(lines[1]["start"]?.objectValue?.names == RecordingField.Start.allCases.map(\.rawValue))
    #expect(lines[2]["step"]?.objectValue?.names == RecordingField.Step.allCases.map(\.rawValue))
    #expect(lines[4]["end"] == ["lines": 5, "steps": 1])
  }
}
