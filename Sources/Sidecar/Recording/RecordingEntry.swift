import SchedulerCore

/// One input of a session, in the order in which they took effect.
public enum RecordingEntry: Sendable {
  case step(RecordedStep)
  /// From the next Step on.
  case policy(ActivePolicy)
  /// From the next Step on.
  case resources(ResourceSnapshot)
}
