import ArgumentParser
import Sidecar
import WireClient
import WireProtocol

struct RecordCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "record", abstract: "Write the inputs and plans of the last Steps to a file that can be replayed.",
    discussion: """
      The sidecar records always, in a bounded ring for each session; this writes what is there now. Attach the file
      to a bug report: coxswain replay makes the same plans from it anywhere.

      EXAMPLES
        coxswain record last.rec
        coxswain record --session s-3 --hash-ids for-a-report.rec
        coxswain replay last.rec
      """)

  @Argument(help: ArgumentHelp("File to write; - for standard output.", valueName: "file")) var file: String
  @Option(help: ArgumentHelp("Only this session.", valueName: "name")) var session: String?
  @Flag(help: "Replace request ids and tenants by hashes that keep their order; the plans stay the same.")
  var hashIds = false
  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions

  func run() throws {
    let client = try connection.connectToAdmin()
    var bytes = try RecordingSource.fetch(client, session: session, idleTimeoutUs: connection.timeoutUs)
    var recording = try RecordingSource.read(bytes, name: "the sidecar's recording")
    if hashIds {
      recording = try Self.hashed(recording)
      bytes = try RecordingSource.text(of: recording)
    }
    if file == "-" {
      try StandardOutput.write(String(decoding: bytes, as: UTF8.self))
    } else {
      try OutputFile.write(String(decoding: bytes, as: UTF8.self), to: file, permissions: 0o600)
    }
    try show(recording, bytes.count)
  }

  /// The hashed recording must give the same plans, or nobody could work with it.
  private static func hashed(_ recording: Recording) throws(CommandFailure) -> Recording {
    var random = SystemRandomNumberGenerator()
    var pseudonyms = Pseudonyms(key: (random.next(), random.next()))
    let result: Recording
    do { result = try pseudonyms.hashed(recording) } catch {
      throw CommandFailure(.failed, "cannot hash the ids: \(error)")
    }
    for segment in result.segments {
      do throws(ReplayDifference) { try Replayer.run(segment) } catch {
        throw CommandFailure(.failed, "without ids the plans differ; record without --hash-ids\n\(error.text)")
      }
    }
    return result
  }

  private func show(_ recording: Recording, _ bytes: Int) throws(CommandFailure) {
    if output.isJSON, file != "-" {
      return try StandardOutput.document([
        "file": .string(file), "bytes": JSONValue(bytes), "steps": JSONValue(recording.stepCount),
        "hashed": .bool(recording.origin.isHashed), "segments": .array(recording.segments.map { SegmentSpan($0).json }),
      ])
    }
    let summary =
      SegmentSpan.table(recording.segments.map { SegmentSpan($0) }).text
      + "\(Quantity.count(recording.stepCount)) steps, \(Quantity.count(bytes)) bytes; "
      + "coxswain replay makes their plans again\n"
    if file == "-" { StandardError.write(summary) } else { try StandardOutput.write(summary) }
  }
}
