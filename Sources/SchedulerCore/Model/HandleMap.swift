/// Handle -> slot. Engines count handles up from a small number, so a dense array serves nearly all of them; handles
/// beyond it fall back to a dictionary that is only ever looked up, never walked.
struct HandleMap: Hashable, Codable, Sendable {
  /// Handles below this bound live in the dense array (4 bytes each).
  static let denseBound = 1 << 21

  private var dense: ContiguousArray<Int32> = []
  private var sparse: [RequestHandle: Int32] = [:]

  func slot(of handle: RequestHandle) -> Int? {
    let index = Int(handle)
    if index < dense.count {
      let slot = dense[index]
      return slot >= 0 ? Int(slot) : nil
    }
    if index < Self.denseBound { return nil }
    return sparse[handle].map(Int.init)
  }

  mutating func set(_ handle: RequestHandle, slot: Int) {
    let index = Int(handle)
    guard index < Self.denseBound else {
      sparse[handle] = Int32(slot)
      return
    }
    if index >= dense.count {
      let target = min(Self.denseBound, max(index + 1, dense.count * 2, 1024))
      dense.append(contentsOf: repeatElement(-1, count: target - dense.count))
    }
    dense[index] = Int32(slot)
  }

  mutating func remove(_ handle: RequestHandle) {
    let index = Int(handle)
    if index < dense.count {
      dense[index] = -1
    } else {
      sparse[handle] = nil
    }
  }
}
