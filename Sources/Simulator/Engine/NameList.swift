/// The names that a session has sent so far: each travels once.
struct NameList {
  private var indices: [String: Int] = [:]

  /// Index of a name; a new one is appended to `added`.
  mutating func index(of name: String, added: inout [String]) -> Int {
    if let index = indices[name] { return index }
    let index = indices.count
    indices[name] = index
    added.append(name)
    return index
  }
}
