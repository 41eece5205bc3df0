/// What is wrong with a recording, and where.
public struct RecordingError: Error, Hashable, Sendable, CustomStringConvertible {
  /// From 1.
  public var line: Int
  /// The step that the line should hold; nil before the first one.
  public var place: String?
  public var message: String

  public var description: String {
    place.map { "\($0) (line \(line)): \(message)" } ?? "line \(line): \(message)"
  }
}
