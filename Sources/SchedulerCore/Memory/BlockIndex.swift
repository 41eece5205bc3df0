/// Slots by the key of the block in them: for look-ups only. Encoded in order of keys, so that equal tables are equal
/// bytes.
struct BlockIndex: Codable, Sendable {
  private var slots: [UInt64: Int32] = [:]

  init() {}

  subscript(key: UInt64) -> Int32? {
    get { slots[key] }
    set { slots[key] = newValue }
  }

  init(from decoder: any Decoder) throws {
    var container = try decoder.unkeyedContainer()
    while !container.isAtEnd {
      let key = try container.decode(UInt64.self)
      slots[key] = try container.decode(Int32.self)
    }
  }

  func encode(to encoder: any Encoder) throws {
    var container = encoder.unkeyedContainer()
    for (key, slot) in slots.sorted(by: { $0.key < $1.key }) {
      try container.encode(key)
      try container.encode(slot)
    }
  }
}
