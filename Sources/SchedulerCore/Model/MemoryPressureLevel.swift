/// How tight host memory is, and what that asks for. Pinned memory cannot be reclaimed, so that the room below the
/// limits leads and the kernel's pressure figures confirm.
public enum MemoryPressureLevel: String, CaseIterable, Comparable, Hashable, Codable, Sendable {
  case none
  /// Tasks begin to wait for memory: do not grow pools.
  case warn
  /// Give host memory back: shrink the offload pool.
  case shrink
  /// The next allocation may end in a kill: close the host tier, admit nothing.
  case close

  public static func < (a: MemoryPressureLevel, b: MemoryPressureLevel) -> Bool { a.rank < b.rank }

  private var rank: Int {
    switch self {
    case .none: 0
    case .warn: 1
    case .shrink: 2
    case .close: 3
    }
  }
}
