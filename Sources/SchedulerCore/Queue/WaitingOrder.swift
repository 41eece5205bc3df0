/// The order of waiting slots: by key, ties by id.
struct WaitingOrder {
  let keys: ContiguousArray<SlotHeap.Key>
  let ids: ContiguousArray<String>

  @inline(__always)
  func precedes(_ a: Int32, _ b: Int32) -> Bool {
    let x = keys[Int(a)]
    let y = keys[Int(b)]
    if x != y { return x < y }
    return ids[Int(a)] < ids[Int(b)]
  }
}
