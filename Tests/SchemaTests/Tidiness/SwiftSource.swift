/// Swift code with comments and string literals blanked, so that words and braces in them do not count.
struct SwiftSource {
  /// As long as the original, line by line.
  let lines: [String]

  init(_ text: String) {
    var blanker = Blanker(Array(text.utf8))
    blanker.code(until: nil)
    lines = String(decoding: blanker.bytes, as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: false)
      .map(String.init)
  }

  /// The types declared at the top level, in order.
  var types: [(name: String, isPrivate: Bool)] {
    declarations(of: ["struct", "enum", "class", "actor", "protocol"])
  }

  /// Names of the types extended at the top level.
  var extended: [String] { declarations(of: ["extension"]).map(\.name) }

  var imports: [String] { declarations(of: ["import"]).map(\.name) }

  /// Lines that begin, after modifiers, with one of the keywords, and the names that follow.
  private func declarations(of keywords: [String]) -> [(name: String, isPrivate: Bool)] {
    lines.compactMap { line in
      guard let first = line.first, !first.isWhitespace else { return nil }
      let words = line.split(separator: " ").map(String.init)
      let modifiers = words.prefix { Self.modifiers.contains($0) }
      let rest = words[modifiers.count...]
      guard let keyword = rest.first, keywords.contains(keyword), let name = rest.dropFirst().first else { return nil }
      let isPrivate = modifiers.contains("private") || modifiers.contains("fileprivate")
      return (name.prefix { $0.isLetter || $0.isNumber || $0 == "_" }.description, isPrivate)
    }
  }

  private static let modifiers = [
    "public", "package", "internal", "private", "fileprivate", "final", "indirect", "@preconcurrency", "@testable",
  ]

  /// Every identifier.
  var words: Set<String> {
    func isIdentifier(_ byte: UInt8) -> Bool {
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"):
        true
      default: false
      }
    }
    var words: Set<String> = []
    for line in lines {
      for word in line.utf8.split(whereSeparator: { !isIdentifier($0) }) { words.insert(String(Substring(word))) }
    }
    return words
  }

  /// First line (from 1), name and number of lines of every function and initialiser with a body.
  var functions: [(line: Int, name: String, count: Int)] {
    let declaration = /(?:^|\s)(?:func ([^\s(<]+)|(init|subscript)[?<(]|(deinit)\b)/
    let call = /\b(?:self|super)\.init\b|\.init\(/
    return lines.indices.compactMap { index in
      let line = lines[index]
      guard line.contains("func ") || line.contains("init") || line.contains("subscript"),
        let match = line.firstMatch(of: declaration), !line.contains(call), let end = endOfBody(from: index)
      else { return nil }
      return (index + 1, String(match.1 ?? match.2 ?? match.3 ?? ""), end - index + 1)
    }
  }

  /// The line on which the body that begins at or after a line ends; nil for a declaration without one.
  private func endOfBody(from start: Int) -> Int? {
    var depth = 0
    var parentheses = 0
    for index in start..<lines.count {
      for character in lines[index] {
        switch character {
        case "(", "[": parentheses += 1
        case ")", "]": parentheses -= 1
        case "{": depth += 1
        case "}":
          depth -= 1
          if depth == 0, parentheses == 0 { return index }
          if depth < 0 { return nil }
        default: break
        }
      }
      // A requirement of a protocol: the declaration is complete and no body has begun.
      if depth == 0, parentheses == 0, index + 1 < lines.count, !Self.continues(lines[index + 1]) {
        return nil
      }
    }
    return nil
  }

  /// Whether a line goes on with the declaration before it.
  private static func continues(_ line: String) -> Bool {
    let words = line.trimmingPrefix(while: \.isWhitespace)
    return [")", "{", "->", "where "].contains { words.hasPrefix($0) }
  }
}

/// Walks Swift code and blanks comments and string literals; interpolated code stays.
private struct Blanker {
  var bytes: [UInt8]
  private var position = 0

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  private func starts(with text: StaticString) -> Bool {
    let count = text.utf8CodeUnitCount
    guard position + count <= bytes.count else { return false }
    return (0..<count).allSatisfy { bytes[position + $0] == text.utf8Start[$0] }
  }

  private mutating func blank(_ count: Int = 1) {
    for _ in 0..<count where position < bytes.count {
      if bytes[position] != UInt8(ascii: "\n") { bytes[position] = UInt8(ascii: " ") }
      position += 1
    }
  }

  /// Code up to a closing parenthesis of an interpolation, or to the end.
  mutating func code(until closing: UInt8?) {
    var depth = 0
    while position < bytes.count {
      if starts(with: "//") {
        while position < bytes.count, bytes[position] != UInt8(ascii: "\n") { blank() }
      } else if starts(with: "/*") {
        while position < bytes.count, !starts(with: "*/") { blank() }
        blank(2)
      } else if let hashes = hashesOfString() {
        string(hashes: hashes)
      } else {
        if bytes[position] == UInt8(ascii: "(") { depth += 1 }
        if bytes[position] == closing, depth == 0 { return }
        if bytes[position] == UInt8(ascii: ")") { depth -= 1 }
        position += 1
      }
    }
  }

  /// Number of `#` before a string literal that begins here; nil when none begins here.
  private func hashesOfString() -> Int? {
    var end = position
    while end < bytes.count, bytes[end] == UInt8(ascii: "#") { end += 1 }
    return end < bytes.count && bytes[end] == UInt8(ascii: "\"") ? end - position : nil
  }

  private mutating func string(hashes: Int) {
    blank(hashes)
    let quotes = starts(with: "\"\"\"") ? 3 : 1
    blank(quotes)
    while position < bytes.count {
      if isEnd(quotes: quotes, hashes: hashes) { return blank(quotes + hashes) }
      if bytes[position] == UInt8(ascii: "\\"), areHashes(at: position + 1, hashes) {
        blank(1 + hashes)
        if position < bytes.count, bytes[position] == UInt8(ascii: "(") {
          blank()
          code(until: UInt8(ascii: ")"))
        }
      }
      blank()
    }
  }

  private func isEnd(quotes: Int, hashes: Int) -> Bool {
    (0..<quotes).allSatisfy { position + $0 < bytes.count && bytes[position + $0] == UInt8(ascii: "\"") }
      && areHashes(at: position + quotes, hashes)
  }

  private func areHashes(at start: Int, _ count: Int) -> Bool {
    (0..<count).allSatisfy { start + $0 < bytes.count && bytes[start + $0] == UInt8(ascii: "#") }
  }
}
