import Synchronization

/// What a session shows to other threads without a lock: whether it was replaced, and the last Step that counted.
///
/// A Register of the same rank on another loop must not read `applied` while a Step is being applied, or the tokens of
/// that Step would be charged twice. `beginStep` and `replace` settle who was first; `replace` waits for the Step that
/// is being applied, which takes microseconds. Between `beginStep` and `endStep` nobody may take the registry's lock.
final class SessionMark: Sendable {
  private let isStepping = Atomic<Bool>(false)
  private let wasReplaced = Atomic<Bool>(false)
  private let epoch = Atomic<UInt64>(0)
  private let seq = Atomic<UInt64>(0)

  var isReplaced: Bool { wasReplaced.load(ordering: .sequentiallyConsistent) }

  /// False when the session was replaced: the Step must not be applied.
  func beginStep() -> Bool {
    isStepping.store(true, ordering: .sequentiallyConsistent)
    guard !isReplaced else {
      isStepping.store(false, ordering: .sequentiallyConsistent)
      return false
    }
    return true
  }

  func endStep() { isStepping.store(false, ordering: .sequentiallyConsistent) }

  /// Called between `beginStep` and `endStep` once the Step counts.
  func setApplied(epoch: UInt64, seq: UInt64) {
    self.epoch.store(epoch, ordering: .relaxed)
    self.seq.store(seq, ordering: .relaxed)
  }

  /// Ends the session for good. Returns the last Step that counted, nil when none did.
  func replace() -> (epoch: UInt64, seq: UInt64)? {
    wasReplaced.store(true, ordering: .sequentiallyConsistent)
    while isStepping.load(ordering: .sequentiallyConsistent) {}
    return applied
  }

  var applied: (epoch: UInt64, seq: UInt64)? {
    let seq = seq.load(ordering: .relaxed)
    return seq == 0 ? nil : (epoch.load(ordering: .relaxed), seq)
  }
}
