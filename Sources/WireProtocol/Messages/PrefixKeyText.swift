/// Keys of prefixes as text: 16 lower-case hexadecimal digits each, one behind the other.
enum PrefixKeyText {
  static let digits = 16

  static func text(_ keys: some Collection<UInt64>) -> String {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(keys.count * digits)
    for key in keys {
      for digit in 0..<digits {
        let value = UInt8(truncatingIfNeeded: key >> UInt64(4 * (digits - 1 - digit))) & 0xf
        bytes.append(value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "a") + value - 10)
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// The value of one digit; nil for anything else.
  static func value(_ byte: UInt8) -> UInt64? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt64(byte - UInt8(ascii: "0"))
    case UInt8(ascii: "a")...UInt8(ascii: "f"): UInt64(byte - UInt8(ascii: "a") + 10)
    default: nil
    }
  }
}
