/// The names seen in one object. Few plain names are compared in place, without allocation. Many, or any with escapes,
/// go into a hash set, so that a hostile document cannot make the comparisons expensive.
struct NameSet {
  /// Names compared one by one; beyond it the hash set takes over.
  private static let linearNames = 24

  /// Offset and length of the first `count` names.
  private var few = InlineArray<24, Entry>(repeating: Entry())
  private var count = 0
  private var many: Set<[UInt8]>?

  private struct Entry {
    var offset: UInt32 = 0
    var length: UInt32 = 0
  }

  /// False when the name is there already.
  mutating func insert(_ key: JSONKey, of document: UnsafeRawBufferPointer) -> Bool {
    if many == nil {
      if !key.hasEscapes {
        for i in 0..<count where few[i].length == key.bytes.count {
          if isSame(name(i, document), key.bytes) { return false }
        }
        if count < Self.linearNames {
          few[count] = Entry(
            offset: UInt32(key.bytes.baseAddress! - document.baseAddress!), length: UInt32(key.bytes.count))
          count += 1
          return true
        }
      }
      var names = Set<[UInt8]>()
      for i in 0..<count { names.insert(Array(name(i, document))) }
      many = names
    }
    return many!.insert(key.hasEscapes ? Array(key.string.utf8) : Array(key.bytes)).inserted
  }

  private func name(_ i: Int, _ document: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
    let start = Int(few[i].offset)
    return UnsafeRawBufferPointer(rebasing: document[start..<(start + Int(few[i].length))])
  }

  /// Whether two names of equal length are the same.
  private func isSame(_ a: UnsafeRawBufferPointer, _ b: UnsafeRawBufferPointer) -> Bool {
    for i in 0..<a.count where a[i] != b[i] { return false }
    return true
  }
}
