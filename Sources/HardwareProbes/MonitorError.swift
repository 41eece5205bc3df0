/// The system refused what the monitor needs to start.
public struct MonitorError: Error, Hashable, Sendable, CustomStringConvertible {
  public var errno: Int32
  public var description: String { "the resource monitor could not start: \(systemMessage(errno))" }
}
