import Testing

@testable import WireProtocol

/// The reader's byte scanning: words of eight bytes, borders between them, exact integers.
struct ScannerTests {
  /// Every byte at every position of strings around the word size: what may stand in a string as it is, and what ends
  /// or breaks it.
  @Test func everyByteAtEveryPositionOfAString() {
    for length in 1...19 {
      for position in 0..<length {
        for byte in UInt8(0)...127 {
          var body = [UInt8](repeating: UInt8(ascii: "a"), count: length)
          body[position] = byte
          let document = [UInt8(ascii: "\"")] + body + [UInt8(ascii: "\"")]
          let error = parseError(document)
          switch byte {
          case UInt8(ascii: "\""): #expect(error?.message == "bytes after the end of the document")
          case UInt8(ascii: "\\"):
            // Before the last byte stands an unknown escape `\a`; at the end it swallows the closing quote.
            #expect(error?.message == (position == length - 1 ? "unexpected end of a string" : "unknown escape"))
          case 0..<0x20: #expect(error?.offset == position + 1, "byte \(byte), length \(length)")
          default: #expect(error == nil, "byte \(byte), length \(length)")
          }
        }
      }
    }
  }

  /// Bytes that are equal to a hit but for their high bit, or follow one, must not be taken for one.
  @Test func bytesBesideAHitAreNoHits() throws {
    for text in ["\"!#\"", "\"[]\"", "\" !\"", "\"éü€😀\u{A2}\u{DC}\u{A0}\"", "\"aaaaaaa\u{A2}aaaaaaa\""] {
      #expect(try JSONValue(parsing: text) == .string(String(text.dropFirst().dropLast())))
    }
    #expect(try JSONValue(parsing: ##"["\"#"]"##) == ["\"#"])
  }

  @Test(arguments: 0..<4)
  func stringsEndWhereANaiveScannerSaysSo(index: Int) {
    let seed = UInt64(5_000 + index)
    var random = SeededRandom(seed: seed)
    let alphabet: [UInt8] = [0x21, 0x22, 0x23, 0x5B, 0x5C, 0x5D, 0x1F, 0x20, 0x61, 0x7F, 0x80, 0xA2, 0xDC, 0xFF]
    for _ in 0..<2_000 {
      let bytes = (0..<Int.random(in: 0...40, using: &random)).map { _ in
        Int.random(in: 0..<8, using: &random) == 0 ? alphabet.randomElement(using: &random)! : 0x61
      }
      let start = Int.random(in: 0...bytes.count, using: &random)
      let naive = bytes[start...].firstIndex { $0 < 0x20 || $0 == 0x22 || $0 == 0x5C } ?? bytes.count
      #expect(bytes.withUnsafeBytes { JSONText.endOfPlainText($0, from: start) } == naive, "seed \(seed)")
    }
  }

  private func integer(_ text: String, in range: ClosedRange<Int> = .min ... .max) throws(JSONError) -> Int {
    try read(text) { (reader) throws(JSONError) in try reader.integer(in: range) }
  }

  private func unsigned(_ text: String) throws(JSONError) -> UInt64 {
    try read(text) { (reader) throws(JSONError) in try reader.unsigned() }
  }

  private func read<Value>(
    _ text: String, _ body: (inout JSONReader) throws(JSONError) -> Value
  ) throws(JSONError) -> Value {
    try Array(text.utf8).span.bytes.withUnsafeBytes { (bytes) throws(JSONError) in
      var reader = try JSONReader(bytes)
      let value = try body(&reader)
      try reader.finish()
      return value
    }
  }

  @Test func integersAtTheEdgesOf64Bits() throws {
    #expect(try integer("9223372036854775807") == .max)
    #expect(try integer("-9223372036854775808") == .min)
    #expect(try integer("-9223372036854775807") == -.max)
    #expect(try integer("-0") == 0)
    #expect(try unsigned("18446744073709551615") == .max)
    #expect(try unsigned("9999999999999999999") == 9_999_999_999_999_999_999)
    #expect(try unsigned("0") == 0)
  }

  @Test(arguments: [
    "9223372036854775808", "-9223372036854775809", "18446744073709551616", "99999999999999999999",
    "100000000000000000000", "184467440737095516150", "-18446744073709551615", "00", "01", "-00", "-01", "-", "--1",
    "+1",
    "1.0", "1e2", "1E2", "1.", "-1.5", "0.0", "1x", "1 2", "\"1\"", "null", "true", "",
  ])
  func whatIsNoInteger(_ text: String) {
    #expect(throws: JSONError.self) { try integer(text) }
    guard text != "9223372036854775808" else { return }
    #expect(throws: JSONError.self) { try unsigned(text) }
  }

  @Test func rangesAreInclusive() throws {
    #expect(try integer("5", in: 5...7) == 5)
    #expect(try integer("7", in: 5...7) == 7)
    let error = #expect(throws: JSONError.self) { try integer("8", in: 5...7) }
    #expect(error?.message == "expected an integer from 5 to 7")
    #expect(throws: JSONError.self) { try integer("4", in: 5...7) }
  }

  @Test(arguments: 0..<4)
  func digitsMeanWhatTheStandardLibrarySaysTheyMean(index: Int) {
    let seed = UInt64(6_000 + index)
    var random = SeededRandom(seed: seed)
    for _ in 0..<1_000 {
      let digits = (0..<Int.random(in: 1...22, using: &random)).map { _ in
        String(Int.random(in: 0...9, using: &random))
      }.joined()
      let isCanonical = digits == "0" || !digits.hasPrefix("0")
      #expect((try? unsigned(digits)) == (isCanonical ? UInt64(digits) : nil), "seed \(seed): \(digits)")
      #expect((try? integer("-" + digits)) == (isCanonical ? Int("-" + digits) : nil), "seed \(seed): -\(digits)")
    }
  }

  /// Names are sequences of bytes: canonically equivalent spellings are different names, few or many.
  @Test func canonicallyEquivalentNamesAreDifferent() throws {
    let composed = "\u{E9}"
    let decomposed = "e\u{301}"
    let pairs = ["\"\(composed)\":1,\"\(decomposed)\":2", "\"\\u00e9\":1,\"e\\u0301\":2", "\"K\":1,\"\\u212a\":2"]
    let many = (0..<40).map { "\"k\($0)\":0" }.joined(separator: ",")
    for pair in pairs {
      #expect(parseError("{\(pair)}") == nil)
      #expect(parseError("{\(many),\(pair)}") == nil)
    }
    let object = try #require(try JSONValue(parsing: "{\(pairs[0])}").objectValue)
    #expect(object[composed] == 1)
    #expect(object[decomposed] == 2)
  }

  @Test(arguments: [
    (#"\u0065poch"#, true), (#"epoc\u0068"#, true), (#"\u0065\u0070\u006F\u0063\u0068"#, true),
    (#"epoch\u0000"#, false),
    (#"epoc\u0168"#, false), (#"epo\u0063"#, false), (#"epoch\u0068"#, false), (#"epoc\n"#, false),
    (#"epoc\ud83d\ude00"#, false), (#"\/epoch"#, false), (#"\"epoch"#, false), (#"\u0045poch"#, false),
  ])
  func spellingsOfAName(_ body: String, _ isTheName: Bool) throws {
    try read("\"\(body)\"") { (reader) throws(JSONError) in
      let word = try reader.word()
      #expect(word.equals("epoch") == isTheName)
      #expect((word.string == "epoch") == isTheName)
    }
  }

  @Test func duplicatesAreFoundAtEveryDistance() {
    for count in [1, 2, 23, 24, 25, 26, 60] {
      for first in [0, count / 2, count - 1] {
        let names = (0..<count).map { "\"name\($0)\":0" }
        let plain = "{\((names + ["\"name\(first)\":1"]).joined(separator: ","))}"
        #expect(parseError(plain)?.message == "duplicate name", "\(first) of \(count)")
        let escaped = "{\((names + ["\"\\u006eame\(first)\":1"]).joined(separator: ","))}"
        #expect(parseError(escaped)?.pointer == "/name\(first)", "\(first) of \(count)")
        #expect(parseError("{\((names + ["\"name\":1"]).joined(separator: ","))}") == nil)
      }
    }
  }

  @Test func pointersEscapeScalarsAndStayShort() {
    #expect(parseError("{\"~\u{301}/\":x}")?.pointer == "/~0\u{301}~1")
    let long = String(repeating: "n", count: 100_000)
    let pointer = parseError("{\"\(long)\":{\"\(long)\":x}}")?.pointer ?? ""
    #expect(pointer.utf8.count < 300)
    #expect(pointer.hasPrefix("/nnn"))
  }

  @Test(arguments: ["0.1", "-2.5e-7", "1e300", "5e-324", "1.7976931348623157e308", "123456.789", "1e21", "-0.0"])
  func doublesReadBackFromTheirShortestText(_ text: String) throws {
    let value = try JSONValue(parsing: text)
    #expect(value == .number(Double(text)!))
    #expect(try JSONValue(parsing: value.text) == value)
    #expect(value.doubleValue?.sign == Double(text)!.sign)
  }

  @Test func whiteSpaceIsOnlyTheFourCharacters() {
    #expect(parseError(" \t\r\n{ \"a\" :\n[ 1 , 2 ] \t} \r\n") == nil)
    for space in ["\u{B}", "\u{C}", "\u{A0}", "\u{2028}", "\u{0}"] { #expect(parseError("[1,\(space)2]") != nil) }
  }
}
