/// A dictionary that forgets the key that came first when it is full.
struct BoundedHistory<Key: Hashable, Value> {
  private var values: [Key: Value] = [:]
  private var order: [Key] = []

  subscript(key: Key) -> Value? { values[key] }

  mutating func set(_ value: Value, for key: Key, limit: Int) {
    guard values.updateValue(value, forKey: key) == nil else { return }
    order.append(key)
    if order.count > limit { values[order.removeFirst()] = nil }
  }
}
