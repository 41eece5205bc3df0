import Synchronization

/// What the connections that ended last had recorded: the engine whose end is the question is gone by then.
final class EndedRecordings: Sendable {
  private let recordings = Mutex<[[RecordingSegment]]>([])
  private let limit: Int

  init(limit: Int) { self.limit = limit }

  func keep(_ segments: [RecordingSegment]) {
    guard !segments.isEmpty, limit > 0 else { return }
    recordings.withLock { recordings in
      if recordings.count == limit { recordings.removeFirst() }
      recordings.append(segments)
    }
  }

  /// Oldest first. - Parameter session: empty means any.
  func segments(of session: String) -> [RecordingSegment] {
    recordings.withLock { $0 }.joined().filter { session.isEmpty || $0.start.session == session }
  }
}
