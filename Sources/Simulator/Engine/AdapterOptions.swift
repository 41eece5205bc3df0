/// Adapters (LoRA) of an engine.
public struct AdapterOptions: Hashable, Sendable {
  /// Adapters on the GPU at once, and so at most in one iteration.
  public var resident: Int
  /// Time to load one that is not there, in microseconds; the iteration that needs it waits.
  public var loadUs: Int

  public init(resident: Int, loadUs: Int) {
    self.resident = resident
    self.loadUs = loadUs
  }
}
