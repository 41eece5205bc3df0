/// Members of the lines of a recording (Docs/recordings.md, Schemas/recording-v1.json), compared with the schema by a
/// test.
public enum RecordingField {
  public static let version = 1

  public enum Line: String, CaseIterable, Sendable { case recording, start, policy, resources, step, end }

  public enum Recording: String, CaseIterable, Sendable {
    case version
    case sidecarVersion = "sidecar_version"
    case writtenAtUnixMs = "written_at_unix_ms"
    case hashed
  }

  public enum Start: String, CaseIterable, Sendable {
    case session, epoch, seq, syncing
    case atUs = "at_us"
    case generation, policy, config, resources, limits, core
  }

  public enum Policy: String, CaseIterable, Sendable { case generation, policy, config }

  public enum Step: String, CaseIterable, Sendable {
    case seq
    case atUs = "at_us"
    case outcome, message, reply
  }

  public enum End: String, CaseIterable, Sendable { case lines, steps }
}
