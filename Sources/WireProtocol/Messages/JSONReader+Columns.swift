import SchedulerCore

/// Columns straight into arrays that keep their storage. Every column has a limit; errors name the entry.
extension JSONReader {
  mutating func column(_ values: inout [Int], in range: ClosedRange<Int>, max: Int) throws(JSONError) {
    try array { (position, reader) throws(JSONError) in
      guard position < max else { throw reader.tooMany(max) }
      values.append(try reader.integer(in: range))
    }
  }

  mutating func column(_ values: inout [Int64], max: Int) throws(JSONError) {
    try array { (position, reader) throws(JSONError) in
      guard position < max else { throw reader.tooMany(max) }
      values.append(Int64(try reader.integer()))
    }
  }

  mutating func handles(_ values: inout [RequestHandle], max: Int) throws(JSONError) {
    try array { (position, reader) throws(JSONError) in
      guard position < max else { throw reader.tooMany(max) }
      values.append(RequestHandle(try reader.integer(in: 0...Int(RequestHandle.max))))
    }
  }

  /// 0 and 1.
  mutating func flags(_ values: inout [Bool], max: Int) throws(JSONError) {
    try array { (position, reader) throws(JSONError) in
      guard position < max else { throw reader.tooMany(max) }
      values.append(try reader.integer(in: 0...1) == 1)
    }
  }

  mutating func strings(_ values: inout [String], max: Int, bytesMax: Int) throws(JSONError) {
    try array { (position, reader) throws(JSONError) in
      guard position < max else { throw reader.tooMany(max) }
      let text = try reader.string()
      guard text.utf8.count <= bytesMax else {
        throw reader.invalid("\(text.utf8.count) bytes; expected at most \(bytesMax)")
      }
      values.append(text)
    }
  }

  /// One base-36 digit per value.
  mutating func digits(_ values: inout [UInt8], max: Int) throws(JSONError) {
    let word = try word()
    guard !word.hasEscapes, word.bytes.count <= max else { throw invalid("expected at most \(max) base-36 digits") }
    for byte in word.bytes {
      switch byte {
      case UInt8(ascii: "0")...UInt8(ascii: "9"): values.append(byte - UInt8(ascii: "0"))
      case UInt8(ascii: "a")...UInt8(ascii: "z"): values.append(byte - UInt8(ascii: "a") + 10)
      default: throw invalid("expected base-36 digits, 0 to 9 and a to z")
      }
    }
  }

  /// One string of keys in a row.
  mutating func keyString(_ keys: inout [UInt64], max: Int) throws(JSONError) {
    let word = try word()
    let digits = PrefixKeyText.digits
    guard !word.hasEscapes, word.bytes.count.isMultiple(of: digits), word.bytes.count <= max * digits else {
      throw invalid("\(word.bytes.count) bytes; expected keys of \(digits) hexadecimal digits, at most \(max)")
    }
    var key: UInt64 = 0
    for (position, byte) in word.bytes.enumerated() {
      guard let value = PrefixKeyText.value(byte) else {
        throw invalid("expected hexadecimal digits, 0 to 9 and a to f")
      }
      key = key << 4 | value
      if position % digits == digits - 1 {
        keys.append(key)
        key = 0
      }
    }
  }

  /// One string for each key.
  mutating func keys(_ values: inout [UInt64], max: Int) throws(JSONError) {
    try array { (position, reader) throws(JSONError) in
      guard position < max else { throw reader.tooMany(max) }
      try reader.keyString(&values, max: 1)
      guard values.count == position + 1 else { throw reader.invalid("empty; expected a key") }
    }
  }

  /// A word of a closed set.
  mutating func choice<Choice: CaseIterable & RawRepresentable<String>>() throws(JSONError) -> Choice {
    let text = try string()
    guard let choice = Choice(rawValue: text) else {
      let words = Choice.allCases.map(\.rawValue).joined(separator: ", ")
      throw invalid("\"\(JSONText.excerpt(text))\"; expected one of \(words)")
    }
    return choice
  }

  mutating func choices<Choice: CaseIterable & RawRepresentable<String>>(
    _ values: inout [Choice], max: Int
  ) throws(JSONError) {
    try array { (position, reader) throws(JSONError) in
      guard position < max else { throw reader.tooMany(max) }
      values.append(try reader.choice())
    }
  }

  /// `{"h":[..],"why":[..]}`.
  mutating func caused<Cause: CaseIterable & RawRepresentable<String>>(
    _ handles: inout [RequestHandle], _ causes: inout [Cause], max: Int
  ) throws(JSONError) {
    try object { (key, reader) throws(JSONError) in
      if key.equals("h") {
        try reader.handles(&handles, max: max)
      } else if key.equals("why") {
        try reader.choices(&causes, max: max)
      } else {
        try reader.skipValue()
      }
    }
    try expect(causes.count, handles.count, "why")
  }

  /// Columns of one group have equal length.
  func expect(_ count: Int, _ expected: Int, _ column: String, optional: Bool = false) throws(JSONError) {
    guard count == expected || (optional && count == 0) else {
      throw invalid("\(count) entries; expected \(expected), as many as in h").under(column)
    }
  }

  func tooMany(_ max: Int) -> JSONError { invalid("more than \(max) entries") }
}
