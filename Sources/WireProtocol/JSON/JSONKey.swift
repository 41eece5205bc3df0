/// A member's name inside the document's bytes; becomes a `String` only on request. Names are the same when their bytes
/// are, escapes resolved (RFC 8259, section 8.3): Swift's `==` on strings would take canonical equivalents for equal.
public struct JSONKey {
  let bytes: UnsafeRawBufferPointer
  let hasEscapes: Bool

  /// The name with escapes resolved.
  public var string: String {
    hasEscapes ? JSONText.unescape(bytes) : String(decoding: bytes, as: UTF8.self)
  }

  /// - Parameter name: ASCII.
  @inline(__always)
  public func equals(_ name: StaticString) -> Bool {
    if hasEscapes { return JSONText.spells(bytes, name) }
    guard bytes.count == name.utf8CodeUnitCount else { return false }
    for i in 0..<bytes.count where bytes[i] != name.utf8Start[i] { return false }
    return true
  }
}
