/// The names seen in one object. Few names are compared in place, without allocation; many go into a hash set, so that
/// a hostile document cannot make the comparison quadratic.
struct NameSet {
  /// Names compared one by one; beyond it a hash set takes over.
  private static let linearNames = 24

  /// Offset, length and whether there are escapes, of the first `count` names.
  private var few = InlineArray<24, Entry>(repeating: Entry())
  private var count = 0
  private var many: Set<[UInt8]>?

  private struct Entry {
    var offset: UInt32 = 0
    var length: UInt32 = 0
    var hasEscapes = false
  }

  /// False when the name is there already.
  mutating func insert(_ key: JSONKey, of document: UnsafeRawBufferPointer) -> Bool {
    if many != nil { return many!.insert(Array(key.string.utf8)).inserted }
    for i in 0..<count where (few[i].length == key.bytes.count || few[i].hasEscapes || key.hasEscapes) {
      if name(i, document).equals(key) { return false }
    }
    guard count < Self.linearNames else {
      var names = Set<[UInt8]>()
      for i in 0..<count { names.insert(Array(name(i, document).string.utf8)) }
      let isNew = names.insert(Array(key.string.utf8)).inserted
      many = names
      return isNew
    }
    few[count] = Entry(
      offset: UInt32(key.bytes.baseAddress! - document.baseAddress!), length: UInt32(key.bytes.count),
      hasEscapes: key.hasEscapes)
    count += 1
    return true
  }

  private func name(_ i: Int, _ document: UnsafeRawBufferPointer) -> JSONKey {
    let start = Int(few[i].offset)
    return JSONKey(
      bytes: UnsafeRawBufferPointer(rebasing: document[start..<(start + Int(few[i].length))]),
      hasEscapes: few[i].hasEscapes)
  }
}
