/// Adapters on the GPU, least recently used first.
struct AdapterSlots {
  private let capacity: Int
  private var resident: [Int] = []

  init(capacity: Int) { self.capacity = capacity }

  /// Makes an adapter the one used last. True when it had to be loaded.
  mutating func use(_ adapter: Int) -> Bool {
    if let index = resident.firstIndex(of: adapter) {
      resident.remove(at: index)
      resident.append(adapter)
      return false
    }
    if resident.count >= capacity { resident.removeFirst() }
    resident.append(adapter)
    return true
  }

  mutating func clear() { resident.removeAll() }
}
