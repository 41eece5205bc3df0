import Foundation
import Testing

@testable import WireProtocol

/// Every strictness rule has a vector that breaks exactly it.
struct StrictJSONTests {
  @Test(arguments: [
    "", " ", "nul", "tru", "{", "[", "\"", "{\"a\"}", "{\"a\":}", "{a:1}", "{'a':1}", "{\"a\":1,}", "[1,]", "[,1]",
    "[1 2]", "{\"a\":1 \"b\":2}", "{,}", "1 2", "{} x", "[]]", "+1", "01", "-01", "-", "1.", ".5", "1e", "1e+", "0x10",
    "NaN", "Infinity", "-Infinity", "1e999", "// c\n1", "\"\t\"", "\"\u{0}\"", "\"\\x\"", "\"\\u12\"", "\"\\u12G4\"",
    "\"\\ud800\"", "\"\\udc00\"", "\"\\ud800\\u0041\"", "\"\\ud800x\"", "\"\\udc00\\udc00\"", "\"\\ud800\\ud800\"",
    "\"\\udbff\\ue000\"", "\"abc", "\"\\", "18446744073709551616",
    "-9223372036854775809", "\u{FEFF}1",
  ])
  func refuses(_ text: String) { #expect(parseError(text) != nil, "accepted \(text)") }

  @Test(arguments: [
    "{\"a\":1,\"a\":2}", "{\"a\":1,\"\\u0061\":2}", "{\"x\":{\"b\":1,\"c\":2,\"b\":3}}", "[{\"\":1,\"\":2}]",
  ])
  func refusesDuplicateNames(_ text: String) throws {
    let error = try #require(parseError(text))
    #expect(error.message == "duplicate name")
  }

  @Test func refusesADuplicateAmongManyNames() throws {
    var members = (0..<200).map { "\"k\($0)\":\($0)" }
    #expect(parseError("{" + members.joined(separator: ",") + "}") == nil)
    members.append("\"\\u006b7\":0")
    let error = try #require(parseError("{" + members.joined(separator: ",") + "}"))
    #expect(error.message == "duplicate name")
    #expect(error.pointer == "/k7")
  }

  @Test(
    arguments: [
      [0x22, 0xFF, 0x22], [0x22, 0xC0, 0x80, 0x22], [0x22, 0xED, 0xA0, 0x80, 0x22],
      [0x22, 0xF4, 0x90, 0x80, 0x80, 0x22],
      [0x22, 0xE2, 0x82, 0x22], [0x22, 0x80, 0x22], [0xC3], [0x22, 0xE0, 0x80, 0x80, 0x22],
      [0x22, 0xF0, 0x80, 0x80, 0x80, 0x22],
    ] as [[UInt8]])
  func refusesInvalidUTF8(_ bytes: [UInt8]) throws {
    #expect(try #require(parseError(bytes)).message == "invalid UTF-8")
  }

  @Test func limitsDepth() {
    let fits = String(repeating: "[", count: 64) + String(repeating: "]", count: 64)
    #expect(parseError(fits) == nil)
    #expect(parseError("[" + fits + "]") != nil)
    #expect(parseError(String(repeating: "{\"a\":", count: 100_000)) != nil)
  }

  @Test func integersAreExactTo64Bits() throws {
    #expect(try JSONValue(parsing: "9223372036854775807") == .integer(.max))
    #expect(try JSONValue(parsing: "-9223372036854775808") == .integer(.min))
    #expect(try JSONValue(parsing: "18446744073709551615") == .unsigned(.max))
    #expect(try JSONValue(parsing: "9007199254740993") == .integer(9_007_199_254_740_993))
    #expect(try JSONValue(parsing: "-0") == .integer(0))
    #expect(try JSONValue(parsing: "1.0") == .number(1))
  }

  @Test func stringsAreUnescaped() throws {
    let text = #""a\"\\\/\b\f\n\r\té\ud83d\ude00é""#
    #expect(try JSONValue(parsing: text) == .string("a\"\\/\u{8}\u{C}\n\r\té😀é"))
  }

  @Test func errorsPointAtTheValue() throws {
    let error = try #require(parseError(#"{"a/b":[1,{"c~d":tru}]}"#))
    #expect(error.pointer == "/a~1b/1/c~0d")
    #expect(error.offset == 17)
  }

  @Test(arguments: 0..<20)
  func writtenDocumentsReadBackEqual(index: Int) throws {
    let seed = UInt64(1_000 + index)
    var random = SeededRandom(seed: seed)
    for _ in 0..<200 {
      let value = Self.randomValue(depth: 4, &random)
      #expect(try JSONValue(parsing: value.text) == value, "seed \(seed)")
      #expect(try JSONValue(parsing: value.pretty()) == value, "seed \(seed)")
    }
  }

  /// A second opinion: whatever we accept the other parser accepts, whatever we refuse it refuses, apart from the rules
  /// in which we are stricter (duplicate names, 64-bit integers, depth).
  @Test(arguments: 0..<8)
  func agreesWithASecondParserOnMutations(index: Int) {
    let seed = UInt64(2_000 + index)
    var random = SeededRandom(seed: seed)
    for _ in 0..<400 {
      var bytes = Array(Self.randomValue(depth: 3, &random).text.utf8)
      for _ in 0..<Int.random(in: 0...2, using: &random) where !bytes.isEmpty {
        let at = Int.random(in: 0..<bytes.count, using: &random)
        switch Int.random(in: 0..<3, using: &random) {
        case 0: bytes[at] = "{}[]\",:0123456789.eE+-tfn\\u \u{1}".utf8.randomElement(using: &random)!
        case 1: bytes.remove(at: at)
        default: bytes.insert(UInt8.random(in: 0...255, using: &random), at: at)
        }
      }
      let mine = parseError(bytes)
      let other = (try? JSONSerialization.jsonObject(with: Data(bytes), options: [.fragmentsAllowed])) != nil
      if mine == nil {
        #expect(other, "seed \(seed): we accept \(String(decoding: bytes, as: UTF8.self))")
      } else if other {
        let message = mine!.message
        let isOurRule =
          message == "duplicate name" || message.contains("64 bits") || message.contains("double precision")
          || message == "invalid UTF-8" || message == "lone surrogate"
        #expect(isOurRule, "seed \(seed): \(message) in \(String(decoding: bytes, as: UTF8.self))")
      }
    }
  }

  static func randomValue(depth: Int, _ random: inout SeededRandom) -> JSONValue {
    switch Int.random(in: 0..<(depth > 0 ? 9 : 7), using: &random) {
    case 0: return .null
    case 1: return .bool(Bool.random(using: &random))
    case 2: return .integer(Int64.random(in: .min ... .max, using: &random))
    case 3: return .integer(Int64.random(in: -20...20, using: &random))
    case 4: return .unsigned(UInt64.random(in: UInt64(Int64.max) + 1 ... .max, using: &random))
    case 5: return .number(Double.random(in: -1e6...1e6, using: &random) + 0.5)
    case 6: return .string(randomText(&random))
    case 7:
      return .array((0..<Int.random(in: 0...4, using: &random)).map { _ in randomValue(depth: depth - 1, &random) })
    default:
      var object = JSONObject()
      for _ in 0..<Int.random(in: 0...4, using: &random) {
        object[randomText(&random)] = randomValue(depth: depth - 1, &random)
      }
      return .object(object)
    }
  }

  static func randomText(_ random: inout SeededRandom) -> String {
    let alphabet = Array("ab\"\\/\n\t\u{1}é漢😀 z")
    return String((0..<Int.random(in: 0...8, using: &random)).map { _ in alphabet.randomElement(using: &random)! })
  }
}
