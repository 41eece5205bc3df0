/// JSON pointers (RFC 6901), as they stand in errors and in references.
enum SchemaPointer {
  static func escape(_ name: String) -> String { name.replacing("~", with: "~0").replacing("/", with: "~1") }

  /// A fragment of a URI as the pointer that it spells: %25 is %, the escapes of the pointer itself stay. nil when it
  /// is none.
  static func decode(fragment: Substring) -> String? {
    var bytes: [UInt8] = []
    var rest = fragment.utf8[...]
    while let byte = rest.popFirst() {
      guard byte == UInt8(ascii: "%") else {
        bytes.append(byte)
        continue
      }
      let digits = rest.prefix(2)
      guard digits.count == 2, let value = UInt8(String(decoding: digits, as: UTF8.self), radix: 16) else { return nil }
      bytes.append(value)
      rest = rest.dropFirst(2)
    }
    return String(validating: bytes, as: UTF8.self)
  }
}
