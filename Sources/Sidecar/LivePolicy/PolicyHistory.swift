extension [PolicyEntry] {
  /// Forgets the oldest entries, but not the last one that came from the file: a restart compares the file with it.
  mutating func trim(to limit: Int) {
    while count > limit {
      let fromFile = lastIndex { $0.source == .start || $0.source == .reload }
      guard let oldest = indices.first(where: { $0 != fromFile }) else { return }
      remove(at: oldest)
    }
  }

  /// What was loaded from the file last.
  var lastFromFile: PolicyEntry? { last { $0.source == .start || $0.source == .reload } }
}
