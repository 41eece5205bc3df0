/// Recorded stretches of sessions, and where they come from.
public struct Recording: Sendable {
  public struct Origin: Hashable, Sendable {
    /// Of the sidecar that recorded.
    public var version: String
    /// When it was written; milliseconds since 1970.
    public var writtenAtUnixMs: Int
    /// Ids and tenants are pseudonyms.
    public var isHashed: Bool

    public init(version: String, writtenAtUnixMs: Int, isHashed: Bool = false) {
      self.version = version
      self.writtenAtUnixMs = writtenAtUnixMs
      self.isHashed = isHashed
    }
  }

  public var origin: Origin
  public var segments: [RecordingSegment]

  public init(origin: Origin, segments: [RecordingSegment]) {
    self.origin = origin
    self.segments = segments
  }

  public var stepCount: Int { segments.reduce(0) { $0 + $1.stepCount } }
}
