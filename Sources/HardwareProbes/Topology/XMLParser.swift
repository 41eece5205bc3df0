/// Reads the XML that `XMLElement` describes, byte by byte, with limits on depth and number.
struct XMLParser {
  private let bytes: [UInt8]
  private var at = 0
  private var elements = 0

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  mutating func document() throws(ProbeFailure) -> XMLElement {
    try skipMisc()
    let root = try element(depth: 0)
    try skipMisc()
    guard at == bytes.count else { throw wrong("nothing after the root element") }
    return root
  }

  private func wrong(_ expected: String) -> ProbeFailure { .invalid(reason: "XML, byte \(at): expected \(expected)") }

  private func looksAt(_ text: StaticString) -> Bool {
    text.withUTF8Buffer { word in
      at + word.count <= bytes.count && bytes[at..<at + word.count].elementsEqual(word)
    }
  }

  private mutating func accept(_ text: StaticString) -> Bool {
    guard looksAt(text) else { return false }
    at += text.utf8CodeUnitCount
    return true
  }

  private mutating func skip(past end: StaticString) throws(ProbeFailure) {
    while !accept(end) {
      guard at < bytes.count else { throw wrong("\(end)") }
      at += 1
    }
  }

  private mutating func skipBlanks() {
    while at < bytes.count, [0x20, 0x09, 0x0A, 0x0D].contains(bytes[at]) { at += 1 }
  }

  /// Blanks, comments and the prolog.
  private mutating func skipMisc() throws(ProbeFailure) {
    while true {
      skipBlanks()
      if accept("<!--") {
        try skip(past: "-->")
      } else if accept("<?") {
        try skip(past: "?>")
      } else {
        return
      }
    }
  }

  private mutating func name() throws(ProbeFailure) -> String {
    let start = at
    while at < bytes.count, Self.isNameByte(bytes[at]) { at += 1 }
    guard at > start else { throw wrong("a name") }
    return String(decoding: bytes[start..<at], as: UTF8.self)
  }

  private static func isNameByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"), UInt8(ascii: "."),
      UInt8(ascii: ":"):
      true
    default: false
    }
  }

  private mutating func element(depth: Int) throws(ProbeFailure) -> XMLElement {
    elements += 1
    guard depth < XMLElement.depthLimit, elements <= XMLElement.elementLimit else { throw wrong("a smaller document") }
    guard accept("<") else { throw wrong("an element") }
    var element = XMLElement(name: try name(), attributes: [], children: [])
    while true {
      skipBlanks()
      if accept("/>") { return element }
      if accept(">") { break }
      let name = try name()
      guard element[name] == nil else { throw wrong("each attribute once") }
      element.attributes.append((name, try attributeValue()))
    }
    while true {
      try skipMisc()
      if accept("</") { break }
      if looksAt("<") {
        element.children.append(try self.element(depth: depth + 1))
      } else {
        guard at < bytes.count else { throw wrong("</\(element.name)>") }
        at += 1
      }
    }
    guard try name() == element.name else { throw wrong("</\(element.name)>") }
    skipBlanks()
    guard accept(">") else { throw wrong(">") }
    return element
  }

  private mutating func attributeValue() throws(ProbeFailure) -> String {
    skipBlanks()
    guard accept("=") else { throw wrong("=") }
    skipBlanks()
    guard at < bytes.count, bytes[at] == UInt8(ascii: "\"") || bytes[at] == UInt8(ascii: "'") else {
      throw wrong("a quote")
    }
    let quote = bytes[at]
    at += 1
    var value: [UInt8] = []
    while at < bytes.count, bytes[at] != quote {
      guard bytes[at] != UInt8(ascii: "<") else { throw wrong("the end of the value") }
      if bytes[at] == UInt8(ascii: "&") {
        value.append(try entity())
      } else {
        value.append(bytes[at])
        at += 1
      }
    }
    guard at < bytes.count else { throw wrong("the end of the value") }
    at += 1
    return String(decoding: value, as: UTF8.self)
  }

  private mutating func entity() throws(ProbeFailure) -> UInt8 {
    let known: [(StaticString, Unicode.Scalar)] = [
      ("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&"), ("&quot;", "\""), ("&apos;", "'"),
    ]
    for (text, scalar) in known where accept(text) { return UInt8(ascii: scalar) }
    throw wrong("one of the five entities of XML")
  }
}
