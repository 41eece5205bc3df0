import WireProtocol

/// A sidecar that is taken out of service: since when, and at whose wish.
struct Drain: Hashable, Sendable {
  var sinceUnixMs: Int
  /// nil when the kernel does not say.
  var uid: UInt32?

  var json: JSONValue {
    ["since_unix_ms": JSONValue(sinceUnixMs), "by_uid": uid.map { JSONValue($0) } ?? .null]
  }
}
