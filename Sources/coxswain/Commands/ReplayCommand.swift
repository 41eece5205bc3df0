import ArgumentParser
import Sidecar
import WireProtocol

struct ReplayCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "replay", abstract: "Make the plans of a recording again and compare them, byte for byte.",
    discussion: """
      Needs no sidecar. It ends with 1 and names the first step that differs, or whose line was changed.

      EXAMPLES
        coxswain replay last.rec
        coxswain replay last.rec -o json | jq .difference
        cut -c10- last.rec | jq -c 'select(.step).step.reply.plan'   the recorded plans
      """)

  @Argument(help: ArgumentHelp("Recording; - for standard input.", valueName: "file")) var file: String
  @OptionGroup var output: OutputOptions

  func run() throws {
    let bytes = try InputFile.bytes(file, limit: RecordingSource.limitBytes)
    let recording: Recording
    do throws(RecordingError) { recording = try RecordingReader.read(bytes) } catch {
      if output.isJSON { try StandardOutput.document(Self.json(of: error)) }
      throw CommandFailure(.failed, "\(file): \(error.description)")
    }
    try replay(recording)
  }

  private static func json(of damage: RecordingError) -> JSONValue {
    [
      "identical": false, "steps": 0, "segments": [], "difference": nil,
      "damage": [
        "line": JSONValue(damage.line), "place": damage.place.map { .string($0) } ?? nil,
        "message": .string(damage.message),
      ],
    ]
  }

  private func replay(_ recording: Recording) throws {
    var spans: [SegmentSpan] = []
    var difference: ReplayDifference?
    for segment in recording.segments where difference == nil {
      do throws(ReplayDifference) {
        try Replayer.run(segment)
        spans.append(SegmentSpan(segment))
      } catch { difference = error }
    }
    let steps = spans.reduce(0) { $0 + $1.steps }
    if output.isJSON {
      try StandardOutput.document([
        "identical": .bool(difference == nil), "steps": JSONValue(steps), "segments": .array(spans.map(\.json)),
        "difference": difference?.json ?? nil, "recorded_by": .string(recording.origin.version),
        "replayed_by": .string(VersionCommand.number),
      ])
    } else {
      if !spans.isEmpty { try StandardOutput.write(SegmentSpan.table(spans).text) }
      if difference == nil {
        try StandardOutput.line("\(Quantity.count(steps)) steps: every plan is the same, byte for byte")
      }
    }
    guard let difference else { return }
    let versions =
      recording.origin.version == VersionCommand.number
      ? "" : "\n  recorded by \(recording.origin.version), replayed by \(VersionCommand.number)"
    throw CommandFailure(.failed, "\(file): \(difference.text)\(versions)")
  }
}
