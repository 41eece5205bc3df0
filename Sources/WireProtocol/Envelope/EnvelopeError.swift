/// A payload that is no request, and the id to answer it under.
public struct EnvelopeError: Error, Hashable, Sendable {
  public var id: UInt64
  public var error: CallError
}
