import Synchronization

/// Memory that the recordings of all sessions may take together, beside what each may take by itself.
final class RecordingBudget: Sendable {
  private let left: Atomic<Int>
  private let total: Int

  init(bytes: Int) {
    left = Atomic(bytes)
    total = bytes
  }

  /// Bytes in use.
  var taken: Int { total - left.load(ordering: .relaxed) }

  /// False when nothing was taken because too little is left.
  func take(_ bytes: Int) -> Bool {
    guard left.subtract(bytes, ordering: .relaxed).newValue >= 0 else {
      giveBack(bytes)
      return false
    }
    return true
  }

  func giveBack(_ bytes: Int) { left.add(bytes, ordering: .relaxed) }
}
