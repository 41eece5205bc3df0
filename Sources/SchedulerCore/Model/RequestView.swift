/// One mirrored request as people and tests see it.
public struct RequestView: Hashable, Sendable {
  public var h: RequestHandle
  public var id: String
  public var tenant: String
  /// The class that the engine named, whether or not the policy knows it.
  public var className: String
  /// "" for none.
  public var adapter: String
  public var running: Bool
  public var blocked: Bool
  public var promptTokens: Int
  public var maxOutputTokens: Int
  public var computedTokens: Int
  public var outputTokens: Int
  /// Microseconds since it arrived, by the engine's clock.
  public var ageUs: Int64

  public init(
    h: RequestHandle, id: String, tenant: String, className: String, adapter: String, running: Bool, blocked: Bool,
    promptTokens: Int, maxOutputTokens: Int, computedTokens: Int, outputTokens: Int, ageUs: Int64
  ) {
    self.h = h
    self.id = id
    self.tenant = tenant
    self.className = className
    self.adapter = adapter
    self.running = running
    self.blocked = blocked
    self.promptTokens = promptTokens
    self.maxOutputTokens = maxOutputTokens
    self.computedTokens = computedTokens
    self.outputTokens = outputTokens
    self.ageUs = ageUs
  }
}
