/// The names seen in one object. Few names are compared in place, without allocation; many go into a hash set, so that
/// a hostile document cannot make the comparison quadratic.
struct NameSet {
  /// Names compared one by one; beyond it a hash set takes over.
  private static let linearNames = 24

  private var few = InlineArray<24, JSONKey?>(repeating: nil)
  private var count = 0
  private var many: Set<String>?

  /// False when the name is there already.
  mutating func insert(_ key: JSONKey) -> Bool {
    if many != nil { return many!.insert(key.string).inserted }
    for i in 0..<count where few[i]!.equals(key) { return false }
    guard count < Self.linearNames else {
      var names = Set<String>()
      for i in 0..<count { names.insert(few[i]!.string) }
      many = names
      return many!.insert(key.string).inserted
    }
    few[count] = key
    count += 1
    return true
  }
}
