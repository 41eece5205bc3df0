/// What `Admin/Drain` is asked to do; the words are those of its schema.
public enum DrainAction: String, CaseIterable, Sendable {
  case start
  case resume
  case show
}
