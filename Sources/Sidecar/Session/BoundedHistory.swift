/// A dictionary that, when full, forgets the key that was set longest ago.
struct BoundedHistory<Key: Hashable, Value> {
  private var values: [Key: Value] = [:]
  private var order: [Key] = []

  subscript(key: Key) -> Value? { values[key] }

  /// O(limit) for a key that is known already.
  mutating func set(_ value: Value, for key: Key, limit: Int) {
    if values.updateValue(value, forKey: key) != nil, let index = order.firstIndex(of: key) { order.remove(at: index) }
    order.append(key)
    if order.count > limit { values[order.removeFirst()] = nil }
  }
}
