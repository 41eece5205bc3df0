/// Writes compact JSON into one reused buffer. Commas come by themselves; names and brackets are the caller's.
public struct JSONWriter: Sendable {
  public private(set) var bytes: [UInt8] = []
  private var needsComma = false
  private var frameStart: Int?

  public init() {}

  /// Empties the buffer and keeps its storage.
  public mutating func removeAll() {
    bytes.removeAll(keepingCapacity: true)
    needsComma = false
    frameStart = nil
  }

  // MARK: - Structure

  public mutating func beginObject() { open(UInt8(ascii: "{")) }
  public mutating func endObject() { close(UInt8(ascii: "}")) }
  public mutating func beginArray() { open(UInt8(ascii: "[")) }
  public mutating func endArray() { close(UInt8(ascii: "]")) }

  private mutating func open(_ bracket: UInt8) {
    separate()
    bytes.append(bracket)
    needsComma = false
  }

  private mutating func close(_ bracket: UInt8) {
    bytes.append(bracket)
    needsComma = true
  }

  /// A member's name that needs no escapes.
  @inline(__always)
  public mutating func key(_ name: StaticString) {
    separate()
    bytes.append(UInt8(ascii: "\""))
    bytes.append(contentsOf: UnsafeBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount))
    bytes.append(UInt8(ascii: "\""))
    bytes.append(UInt8(ascii: ":"))
    needsComma = false
  }

  public mutating func key(_ name: String) {
    string(name)
    bytes.append(UInt8(ascii: ":"))
    needsComma = false
  }

  // MARK: - Scalars

  public mutating func null() { raw("null") }
  public mutating func bool(_ value: Bool) { raw(value ? "true" : "false") }

  public mutating func integer(_ value: some FixedWidthInteger) {
    separate()
    needsComma = true
    if value < 0 { bytes.append(UInt8(ascii: "-")) }
    appendDigits(UInt64(value.magnitude))
  }

  private mutating func appendDigits(_ value: UInt64) {
    guard value >= 10 else { return bytes.append(UInt8(ascii: "0") + UInt8(value)) }
    var rest = value
    var count = 0
    var digits: (UInt64, UInt64, UInt64) = (0, 0, 0)
    withUnsafeMutableBytes(of: &digits) { buffer in
      while rest > 0 {
        count += 1
        buffer[24 - count] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10)
        rest /= 10
      }
      bytes.append(contentsOf: UnsafeRawBufferPointer(rebasing: buffer[(24 - count)...]))
    }
  }

  /// The shortest text that reads back as the same number. JSON has no infinities: those become null.
  public mutating func number(_ value: Double) {
    guard value.isFinite else { return null() }
    separate()
    needsComma = true
    bytes.append(contentsOf: value.description.utf8)
  }

  public mutating func string(_ value: String) {
    separate()
    needsComma = true
    bytes.append(UInt8(ascii: "\""))
    var copy = value
    copy.withUTF8 { utf8 in
      var start = 0
      for i in utf8.indices where utf8[i] < 0x20 || utf8[i] == UInt8(ascii: "\"") || utf8[i] == UInt8(ascii: "\\") {
        bytes.append(contentsOf: UnsafeBufferPointer(rebasing: utf8[start..<i]))
        appendEscape(utf8[i])
        start = i + 1
      }
      bytes.append(contentsOf: UnsafeBufferPointer(rebasing: utf8[start...]))
    }
    bytes.append(UInt8(ascii: "\""))
  }

  private mutating func appendEscape(_ byte: UInt8) {
    bytes.append(UInt8(ascii: "\\"))
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"): bytes.append(byte)
    case 0x0A: bytes.append(UInt8(ascii: "n"))
    case 0x0D: bytes.append(UInt8(ascii: "r"))
    case 0x09: bytes.append(UInt8(ascii: "t"))
    default:
      let hex = StaticString("0123456789abcdef")
      bytes.append(contentsOf: [UInt8(ascii: "u"), UInt8(ascii: "0"), UInt8(ascii: "0")])
      bytes.append(hex.utf8Start[Int(byte >> 4)])
      bytes.append(hex.utf8Start[Int(byte & 15)])
    }
  }

  /// One base-36 digit per value, as a string.
  public mutating func digits(_ values: some Sequence<UInt8>) {
    separate()
    needsComma = true
    bytes.append(UInt8(ascii: "\""))
    for value in values {
      bytes.append(value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "a") + value - 10)
    }
    bytes.append(UInt8(ascii: "\""))
  }

  /// A whole value that is JSON already.
  public mutating func raw(_ json: UnsafeRawBufferPointer) {
    separate()
    needsComma = true
    bytes.append(contentsOf: json)
  }

  private mutating func raw(_ word: StaticString) {
    separate()
    needsComma = true
    bytes.append(contentsOf: UnsafeBufferPointer(start: word.utf8Start, count: word.utf8CodeUnitCount))
  }

  private mutating func separate() {
    if needsComma { bytes.append(UInt8(ascii: ",")) }
  }

  // MARK: - Frames

  /// Leaves room for a frame header; what follows until `endFrame` is its payload.
  public mutating func beginFrame() {
    frameStart = bytes.count
    bytes.append(contentsOf: repeatElement(0, count: FrameHeader.byteCount))
    needsComma = false
  }

  /// Fills the header in.
  public mutating func endFrame() {
    guard let start = frameStart else { return }
    let length = UInt32(truncatingIfNeeded: bytes.count - start - FrameHeader.byteCount)
    for i in 0..<4 { bytes[start + 1 + i] = UInt8(truncatingIfNeeded: length >> UInt32(24 - 8 * i)) }
    frameStart = nil
    needsComma = false
  }
}
