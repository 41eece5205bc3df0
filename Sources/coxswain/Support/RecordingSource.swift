import Sidecar
import WireClient
import WireProtocol

/// Recordings from files and from the running sidecar.
enum RecordingSource {
  static let limitBytes = 4 << 30

  /// The text of what the sidecar has recorded.
  static func fetch(
    _ client: WireClient, session: String?, idleTimeoutUs: Int
  ) throws(CommandFailure) -> [UInt8] {
    var bytes: [UInt8] = []
    let last: Reply?
    do throws(WireClientError) {
      last = try client.callStreaming(
        .record, message: session.map { ["session": .string($0)] } ?? [:], idleTimeoutUs: idleTimeoutUs
      ) { item in
        bytes += (item["text"]?.stringValue ?? "").utf8
        return bytes.count <= limitBytes
      }
    } catch { throw CommandFailure(error) }
    guard let last else { throw CommandFailure(.failed, "the recording has more than \(limitBytes) bytes") }
    if let error = last.error { throw CommandFailure(error) }
    return bytes
  }

  static func read(_ bytes: [UInt8], name: String) throws(CommandFailure) -> Recording {
    do throws(RecordingError) { return try RecordingReader.read(bytes) } catch {
      throw CommandFailure(.failed, "\(name): \(error.description)")
    }
  }

  /// A file's recording, or the running sidecar's without one.
  static func load(
    _ file: String?, session: String?, _ connection: ConnectionOptions
  ) throws(CommandFailure) -> Recording {
    if let file { return try read(try InputFile.bytes(file, limit: limitBytes), name: file) }
    let client = try connection.connectToAdmin()
    return try read(
      try fetch(client, session: session, idleTimeoutUs: connection.timeoutUs), name: "the sidecar's recording")
  }

  static func text(of recording: Recording) throws(CommandFailure) -> [UInt8] {
    var bytes: [UInt8] = []
    do {
      var writer = RecordingWriter { line in
        bytes += line
        return true
      }
      try writer.write(recording)
    } catch { throw CommandFailure(.failed, "the recording cannot be written: \(error)") }
    return bytes
  }
}
