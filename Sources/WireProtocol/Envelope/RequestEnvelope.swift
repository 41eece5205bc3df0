/// What surrounds a request's message: `{"id":7,"method":"...","timeout_us":2000,"metadata":{},"message":{}}`, or
/// `{"id":7,"cancel":true}`.
public struct RequestEnvelope: Sendable {
  /// Members of `metadata`.
  static let metadataMax = 64

  public enum Method: Hashable, Sendable {
    case known(WireMethod)
    /// The name, cut when it is very long.
    case unknown(String)
  }

  public var id: UInt64 = 0
  public var method: Method = .unknown("")
  /// Microseconds from the complete frame to the answer; nil means no deadline.
  public var timeoutUs: Int?
  public var isCancel = false
  public var metadata: [String: String] = [:]
  /// Where the message lies in the payload; empty when there is none.
  public var message: Range<Int> = 0..<0

  public init() {}

  /// Reads a payload. Nothing is allocated for a Step without metadata.
  /// - Throws: INVALID_ARGUMENT, with the id as far as it could be read (0 otherwise).
  public static func parse(
    _ payload: UnsafeRawBufferPointer, limits: WireLimits = WireLimits()
  ) throws(EnvelopeError) -> RequestEnvelope {
    var envelope = RequestEnvelope()
    var seen = Seen()
    do throws(JSONError) {
      var reader = try JSONReader(payload, depthLimit: limits.depth)
      try reader.object { (key, reader) throws(JSONError) in try envelope.read(key, &reader, &seen) }
      try reader.finish()
    } catch {
      throw EnvelopeError(id: envelope.id, error: .invalid(error))
    }
    guard seen.id else { throw EnvelopeError(id: 0, error: .invalid(field: "/id", "missing; expected an integer")) }
    guard seen.method || envelope.isCancel else {
      throw EnvelopeError(id: envelope.id, error: .invalid(field: "/method", "missing; expected service/method"))
    }
    return envelope
  }

  private struct Seen {
    var id = false
    var method = false
  }

  private mutating func read(_ key: JSONKey, _ reader: inout JSONReader, _ seen: inout Seen) throws(JSONError) {
    if key.equals("message") {
      guard try reader.peek() == UInt8(ascii: "{") else { throw reader.unexpected("an object") }
      message = try reader.skipValue()
    } else if key.equals("id") {
      id = try reader.unsigned()
      seen.id = true
    } else if key.equals("method") {
      method = Self.method(try reader.word())
      seen.method = true
    } else if key.equals("timeout_us") {
      timeoutUs = try reader.integer(in: 0 ... .max)
    } else if key.equals("cancel") {
      isCancel = try reader.bool()
    } else if key.equals("metadata") {
      var pairs: [String: String] = [:]
      try reader.object { (name, reader) throws(JSONError) in
        guard pairs.count < Self.metadataMax else { throw reader.invalid("more than \(Self.metadataMax) entries") }
        pairs[name.string] = try reader.string()
      }
      metadata = pairs
    } else {
      try reader.skipValue()
    }
  }

  private static func method(_ word: JSONKey) -> Method {
    if word.equals("coxswain.v1.Scheduler/Step") { return .known(.step) }
    let name = word.string
    return WireMethod(rawValue: name).map(Method.known) ?? .unknown(JSONText.excerpt(name))
  }
}
