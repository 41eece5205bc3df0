/// Strings inside JSON text: escapes resolved, and UTF-8 checked once for a whole document.
enum JSONText {
  /// Scalars of a peer's text that a message repeats.
  static let excerptScalars = 80

  /// A peer's text as far as an error message repeats it.
  static func excerpt(_ text: String) -> String {
    guard text.utf8.count > excerptScalars else { return text }
    let head = text.unicodeScalars.prefix(excerptScalars)
    return head.endIndex == text.endIndex ? text : String(head) + "..."
  }

  /// Resolves the escapes of a string body that the reader has accepted.
  static func unescape(_ bytes: UnsafeRawBufferPointer) -> String {
    var result: [UInt8] = []
    result.reserveCapacity(bytes.count)
    var i = 0
    while i < bytes.count {
      guard bytes[i] == UInt8(ascii: "\\") else {
        result.append(bytes[i])
        i += 1
        continue
      }
      i += 2
      guard bytes[i - 1] == UInt8(ascii: "u") else {
        result.append(meaning(ofEscape: bytes[i - 1]))
        continue
      }
      var scalar = UInt32(hex4(bytes, at: i) ?? 0)
      i += 4
      if scalar >= 0xD800, scalar < 0xDC00 {
        let low = UInt32(hex4(bytes, at: i + 2) ?? 0)
        i += 6
        scalar = 0x10000 + (scalar - 0xD800) << 10 + (low - 0xDC00)
      }
      if let unicode = Unicode.Scalar(scalar) { result.append(contentsOf: UTF8.encode(unicode)!) }
    }
    return String(decoding: result, as: UTF8.self)
  }

  /// Whether a string body with escapes that the reader has accepted spells `name`, which is ASCII.
  static func spells(_ bytes: UnsafeRawBufferPointer, _ name: StaticString) -> Bool {
    var i = 0
    for j in 0..<name.utf8CodeUnitCount {
      guard i < bytes.count else { return false }
      var unit = UInt16(bytes[i])
      i += 1
      if unit == UInt8(ascii: "\\") {
        let letter = bytes[i]
        unit = letter == UInt8(ascii: "u") ? hex4(bytes, at: i + 1) ?? 0 : UInt16(meaning(ofEscape: letter))
        i += letter == UInt8(ascii: "u") ? 5 : 1
      }
      guard unit == name.utf8Start[j] else { return false }
    }
    return i == bytes.count
  }

  /// What an escape of one letter stands for.
  private static func meaning(ofEscape letter: UInt8) -> UInt8 {
    switch letter {
    case UInt8(ascii: "b"): 0x08
    case UInt8(ascii: "f"): 0x0C
    case UInt8(ascii: "n"): 0x0A
    case UInt8(ascii: "r"): 0x0D
    case UInt8(ascii: "t"): 0x09
    default: letter
    }
  }

  /// Where the bytes that a string holds as they are end: at a quote, a backslash, a control character or the
  /// document's end. Eight bytes at a time.
  @inline(__always)
  static func endOfPlainText(_ bytes: UnsafeRawBufferPointer, from start: Int) -> Int {
    let ones: UInt64 = 0x0101_0101_0101_0101
    let highs: UInt64 = 0x8080_8080_8080_8080
    var i = start
    while i + 8 <= bytes.count {
      let word = bytes.loadUnaligned(fromByteOffset: i, as: UInt64.self)
      let quote = word ^ ones &* 0x22
      let backslash = word ^ ones &* 0x5C
      // The high bit of each byte that is zero after the exclusive or, or below 0x20 before it. Borrows make only bytes
      // after the first hit wrong, and those are looked at one by one below.
      let hits = ((quote &- ones) & ~quote | (backslash &- ones) & ~backslash | (word &- ones &* 0x20) & ~word) & highs
      if hits != 0 { break }
      i += 8
    }
    while i < bytes.count, bytes[i] >= 0x20, bytes[i] != 0x22, bytes[i] != 0x5C { i += 1 }
    return i
  }

  @inline(__always)
  static func endOfDigits(_ bytes: UnsafeRawBufferPointer, from start: Int) -> Int {
    var i = start
    while i < bytes.count, bytes[i] &- UInt8(ascii: "0") <= 9 { i += 1 }
    return i
  }

  static func hex4(_ bytes: UnsafeRawBufferPointer, at start: Int) -> UInt16? {
    guard start + 4 <= bytes.count else { return nil }
    var value: UInt16 = 0
    for i in start..<(start + 4) {
      guard let digit = hexDigit(bytes[i]) else { return nil }
      value = value << 4 | UInt16(digit)
    }
    return value
  }

  private static func hexDigit(_ byte: UInt8) -> UInt8? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
    default: nil
    }
  }

  /// Offset of the first byte that breaks UTF-8, or nil. Plain ASCII, the usual case, costs one pass over words.
  static func firstInvalidUTF8(_ bytes: UnsafeRawBufferPointer) -> Int? {
    var i = 0
    while i < bytes.count {
      if i + 8 <= bytes.count, bytes.loadUnaligned(fromByteOffset: i, as: UInt64.self) & 0x8080_8080_8080_8080 == 0 {
        i += 8
        continue
      }
      if bytes[i] < 0x80 {
        i += 1
        continue
      }
      let length = sequenceLength(bytes, at: i)
      if length == 0 { return i }
      i += length
    }
    return nil
  }

  /// Length of the well-formed multi-byte sequence at `i` (Unicode 16, table 3-7); 0 when there is none.
  private static func sequenceLength(_ bytes: UnsafeRawBufferPointer, at i: Int) -> Int {
    let length: Int
    var second: ClosedRange<UInt8> = 0x80...0xBF
    switch bytes[i] {
    case 0xC2...0xDF: length = 2
    case 0xE0: (length, second) = (3, 0xA0...0xBF)
    case 0xED: (length, second) = (3, 0x80...0x9F)
    case 0xE1...0xEF: length = 3
    case 0xF0: (length, second) = (4, 0x90...0xBF)
    case 0xF4: (length, second) = (4, 0x80...0x8F)
    case 0xF1...0xF3: length = 4
    default: return 0
    }
    guard i + length <= bytes.count, second.contains(bytes[i + 1]) else { return 0 }
    for j in (i + 2)..<(i + max(2, length)) where !(0x80...0xBF).contains(bytes[j]) { return 0 }
    return length
  }
}
