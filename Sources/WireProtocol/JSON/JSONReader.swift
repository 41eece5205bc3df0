/// A strict pull reader (RFC 8259) made for the hot path: it walks the document once, in order, and the caller decodes
/// straight into its own storage. It allocates nothing unless a `String` is asked for.
///
/// Stricter than most: no trailing bytes (`finish`), no invalid UTF-8 (`init`), no duplicate names in any object, also
/// not by different escapes, no lone surrogates, no control characters in strings, integers exact to 64 bits, and a
/// depth limit. The bytes must outlive the reader.
public struct JSONReader {
  let bytes: UnsafeRawBufferPointer
  private(set) var index: Int
  private var depth = 0
  private let depthLimit: Int

  /// Bytes of one document: as much as a frame can be.
  private static let documentBytesMax = Int(UInt32.max)

  /// - Throws: when the bytes are no UTF-8 or too many.
  public init(_ bytes: UnsafeRawBufferPointer, depthLimit: Int = WireLimits.defaultDepth) throws(JSONError) {
    guard bytes.count <= Self.documentBytesMax else {
      throw JSONError(offset: 0, message: "more than \(Self.documentBytesMax) bytes")
    }
    if let offset = JSONText.firstInvalidUTF8(bytes) { throw JSONError(offset: offset, message: "invalid UTF-8") }
    self.bytes = bytes
    self.depthLimit = depthLimit
    index = 0
  }

  // MARK: - Structure

  /// Reads an object; `member` must consume each member's value.
  @inline(__always)
  public mutating func object(
    _ member: (JSONKey, inout JSONReader) throws(JSONError) -> Void
  ) throws(JSONError) {
    try open(UInt8(ascii: "{"), "an object")
    var names = NameSet()
    var isFirst = true
    while try !closes(UInt8(ascii: "}"), isFirst: &isFirst) {
      let offset = index
      let key = try name()
      guard names.insert(key, of: bytes) else {
        throw JSONError(offset: offset, message: "duplicate name").under(key.string)
      }
      do throws(JSONError) { try member(key, &self) } catch { throw error.under(key.string) }
    }
  }

  /// Reads an array; `element` must consume each element and gets its position.
  @inline(__always)
  public mutating func array(_ element: (Int, inout JSONReader) throws(JSONError) -> Void) throws(JSONError) {
    try open(UInt8(ascii: "["), "an array")
    var isFirst = true
    var position = 0
    while try !closes(UInt8(ascii: "]"), isFirst: &isFirst) {
      do throws(JSONError) { try element(position, &self) } catch { throw error.under("\(position)") }
      position += 1
    }
  }

  private mutating func open(_ bracket: UInt8, _ expected: StaticString) throws(JSONError) {
    guard try peek() == bracket else { throw unexpected(expected) }
    depth += 1
    guard depth <= depthLimit else {
      throw JSONError(offset: index, message: "nested deeper than \(depthLimit) levels")
    }
    index += 1
  }

  /// True when the next byte closes the object or array; else consumes the comma between elements.
  private mutating func closes(_ bracket: UInt8, isFirst: inout Bool) throws(JSONError) -> Bool {
    let byte = try peek()
    if byte == bracket {
      index += 1
      depth -= 1
      return true
    }
    if isFirst {
      isFirst = false
      return false
    }
    guard byte == UInt8(ascii: ",") else { throw unexpected("a comma or the closing bracket") }
    index += 1
    return false
  }

  private mutating func name() throws(JSONError) -> JSONKey {
    guard try peek() == UInt8(ascii: "\"") else { throw unexpected("a name in quotes") }
    let body = try stringBody()
    guard try peek() == UInt8(ascii: ":") else { throw unexpected("a colon") }
    index += 1
    return JSONKey(bytes: body.bytes, hasEscapes: body.hasEscapes)
  }

  /// Nothing but white space may follow the document.
  public mutating func finish() throws(JSONError) {
    skipSpace()
    guard index == bytes.count else { throw JSONError(offset: index, message: "bytes after the end of the document") }
  }

  // MARK: - Scalars

  public mutating func string() throws(JSONError) -> String {
    guard try peek() == UInt8(ascii: "\"") else { throw unexpected("a string") }
    let body = try stringBody()
    return body.hasEscapes ? JSONText.unescape(body.bytes) : String(decoding: body.bytes, as: UTF8.self)
  }

  /// A string as a key view: to compare it with known words without making a `String`.
  public mutating func word() throws(JSONError) -> JSONKey {
    guard try peek() == UInt8(ascii: "\"") else { throw unexpected("a string") }
    let body = try stringBody()
    return JSONKey(bytes: body.bytes, hasEscapes: body.hasEscapes)
  }

  public mutating func bool() throws(JSONError) -> Bool {
    switch try peek() {
    case UInt8(ascii: "t"):
      try literal("true")
      return true
    case UInt8(ascii: "f"):
      try literal("false")
      return false
    default: throw unexpected("true or false")
    }
  }

  /// True when the next value is null; it is consumed then.
  public mutating func null() throws(JSONError) -> Bool {
    guard try peek() == UInt8(ascii: "n") else { return false }
    try literal("null")
    return true
  }

  /// An integer in `range`, exact.
  @inline(__always)
  public mutating func integer(in range: ClosedRange<Int> = .min ... .max) throws(JSONError) -> Int {
    let start = try numberStart()
    let isNegative = bytes[index] == UInt8(ascii: "-")
    if isNegative { index += 1 }
    let magnitude = try digits("an integer from \(range.lowerBound) to \(range.upperBound)", from: start)
    let value: Int
    if isNegative {
      guard magnitude <= UInt64(Int.max) + 1 else { throw outOfRange(start, range) }
      value = magnitude > UInt64(Int.max) ? .min : -Int(magnitude)
    } else {
      guard magnitude <= UInt64(Int.max) else { throw outOfRange(start, range) }
      value = Int(magnitude)
    }
    guard range.contains(value) else { throw outOfRange(start, range) }
    return value
  }

  /// An integer from 0 to 2^64 - 1, exact.
  public mutating func unsigned() throws(JSONError) -> UInt64 {
    let start = try numberStart()
    guard bytes[index] != UInt8(ascii: "-") else {
      throw JSONError(offset: start, message: "expected an integer from 0 to \(UInt64.max)")
    }
    return try digits("an integer from 0 to \(UInt64.max)", from: start)
  }

  /// Any number: the whole token is checked and returned as its bytes.
  mutating func numberToken() throws(JSONError) -> (token: UnsafeRawBufferPointer, isInteger: Bool) {
    let start = try numberStart()
    var isInteger = true
    if bytes[index] == UInt8(ascii: "-") { index += 1 }
    try skipIntegerDigits(from: start)
    guard isFraction(index) else { return (UnsafeRawBufferPointer(rebasing: bytes[start..<index]), true) }
    if bytes[index] == UInt8(ascii: ".") {
      isInteger = false
      index += 1
      try skipDigits(from: start)
    }
    if index < bytes.count, bytes[index] | 0x20 == UInt8(ascii: "e") {
      isInteger = false
      index += 1
      if index < bytes.count, bytes[index] == UInt8(ascii: "+") || bytes[index] == UInt8(ascii: "-") { index += 1 }
      try skipDigits(from: start)
    }
    return (UnsafeRawBufferPointer(rebasing: bytes[start..<index]), isInteger)
  }

  // MARK: - Anything

  /// Consumes and checks one value of any kind, and says where it lies.
  @discardableResult
  public mutating func skipValue() throws(JSONError) -> Range<Int> {
    let first = try peek()
    let start = index
    switch first {
    case UInt8(ascii: "{"): try object { (_, reader) throws(JSONError) in try reader.skipValue() }
    case UInt8(ascii: "["): try array { (_, reader) throws(JSONError) in try reader.skipValue() }
    case UInt8(ascii: "\""): _ = try stringBody()
    case UInt8(ascii: "t"): try literal("true")
    case UInt8(ascii: "f"): try literal("false")
    case UInt8(ascii: "n"): try literal("null")
    default: _ = try numberToken()
    }
    return start..<index
  }

  /// The first byte of the next value, white space skipped.
  @inline(__always)
  public mutating func peek() throws(JSONError) -> UInt8 {
    if index < bytes.count, bytes[index] > 0x20 { return bytes[index] }
    return try peekPastSpace()
  }

  private mutating func peekPastSpace() throws(JSONError) -> UInt8 {
    skipSpace()
    guard index < bytes.count else { throw JSONError(offset: index, message: "unexpected end of the document") }
    return bytes[index]
  }

  /// An error at the next byte.
  public func unexpected(_ expected: StaticString) -> JSONError {
    JSONError(offset: index, message: "expected \(expected), found \(found)")
  }

  /// An error about the value just read.
  public func invalid(_ message: String) -> JSONError { JSONError(offset: index, message: message) }

  private var found: String {
    guard index < bytes.count else { return "the end" }
    switch bytes[index] {
    case UInt8(ascii: "{"): return "an object"
    case UInt8(ascii: "["): return "an array"
    case UInt8(ascii: "\""): return "a string"
    case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return "a number"
    case UInt8(ascii: "t"), UInt8(ascii: "f"): return "a boolean"
    case UInt8(ascii: "n"): return "null"
    case 0x21...0x7E: return "'\(Character(Unicode.Scalar(bytes[index])))'"
    default: return "byte \(bytes[index])"
    }
  }

  // MARK: - Bytes

  private mutating func skipSpace() {
    while index < bytes.count {
      switch bytes[index] {
      case 0x20, 0x0A, 0x0D, 0x09: index += 1
      default: return
      }
    }
  }

  private mutating func literal(_ word: StaticString) throws(JSONError) {
    let count = word.utf8CodeUnitCount
    guard index + count <= bytes.count else { throw unexpected("a value") }
    for i in 0..<count where bytes[index + i] != word.utf8Start[i] { throw unexpected("a value") }
    index += count
  }

  private mutating func stringBody() throws(JSONError) -> (bytes: UnsafeRawBufferPointer, hasEscapes: Bool) {
    index += 1
    let start = index
    var hasEscapes = false
    while true {
      index = JSONText.endOfPlainText(bytes, from: index)
      guard index < bytes.count else { throw JSONError(offset: index, message: "unexpected end of a string") }
      switch bytes[index] {
      case UInt8(ascii: "\""):
        let body = UnsafeRawBufferPointer(rebasing: bytes[start..<index])
        index += 1
        return (body, hasEscapes)
      case UInt8(ascii: "\\"):
        hasEscapes = true
        try skipEscape()
      default: throw JSONError(offset: index, message: "control character in a string")
      }
    }
  }

  private mutating func skipEscape() throws(JSONError) {
    let start = index
    index += 2
    guard index <= bytes.count else { throw JSONError(offset: start, message: "unexpected end of a string") }
    switch bytes[index - 1] {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "b"), UInt8(ascii: "f"),
      UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"):
      return
    case UInt8(ascii: "u"): break
    default: throw JSONError(offset: start, message: "unknown escape")
    }
    guard let unit = JSONText.hex4(bytes, at: index) else {
      throw JSONError(offset: start, message: "expected four hexadecimal digits")
    }
    index += 4
    guard unit & 0xF800 == 0xD800 else { return }
    guard unit < 0xDC00, index + 6 <= bytes.count, bytes[index] == UInt8(ascii: "\\"),
      bytes[index + 1] == UInt8(ascii: "u"), let low = JSONText.hex4(bytes, at: index + 2), low & 0xFC00 == 0xDC00
    else { throw JSONError(offset: start, message: "lone surrogate") }
    index += 6
  }

  private mutating func numberStart() throws(JSONError) -> Int {
    let byte = try peek()
    guard byte == UInt8(ascii: "-") || byte &- UInt8(ascii: "0") <= 9 else { throw unexpected("a number") }
    return index
  }

  /// Digits of an integer without leading zeros, with nothing that would make it a fraction.
  @inline(__always)
  private mutating func digits(_ expected: @autoclosure () -> String, from start: Int) throws(JSONError) -> UInt64 {
    let first = index
    let end = JSONText.endOfDigits(bytes, from: first)
    let count = end - first
    guard count > 0, count <= Self.digitsMax, count == 1 || bytes[first] != UInt8(ascii: "0"), !isFraction(end) else {
      throw JSONError(offset: start, message: "expected \(expected())")
    }
    var value: UInt64 = 0
    for i in first..<min(end, first + Self.digitsMax - 1) {
      value = value &* 10 &+ UInt64(bytes[i] &- UInt8(ascii: "0"))
    }
    if count == Self.digitsMax {
      let (product, overflowed) = value.multipliedReportingOverflow(by: 10)
      let (sum, carried) = product.addingReportingOverflow(UInt64(bytes[end - 1] &- UInt8(ascii: "0")))
      guard !overflowed, !carried else { throw JSONError(offset: start, message: "expected \(expected())") }
      value = sum
    }
    index = end
    return value
  }

  /// Digits of the largest 64-bit integer; one less never overflows.
  private static let digitsMax = 20

  /// Whether a fraction or an exponent follows an integer's digits.
  private func isFraction(_ end: Int) -> Bool {
    end < bytes.count && (bytes[end] == UInt8(ascii: ".") || bytes[end] | 0x20 == UInt8(ascii: "e"))
  }

  private mutating func skipIntegerDigits(from start: Int) throws(JSONError) {
    let first = index
    try skipDigits(from: start)
    guard index == first + 1 || bytes[first] != UInt8(ascii: "0") else {
      throw JSONError(offset: start, message: "leading zero")
    }
  }

  private mutating func skipDigits(from start: Int) throws(JSONError) {
    let end = JSONText.endOfDigits(bytes, from: index)
    guard end > index else { throw JSONError(offset: start, message: "expected a digit") }
    index = end
  }

  private func outOfRange(_ start: Int, _ range: ClosedRange<Int>) -> JSONError {
    JSONError(offset: start, message: "expected an integer from \(range.lowerBound) to \(range.upperBound)")
  }
}
