/// Single requests, for those who watch: O(1).
extension SchedulerCore {
  /// The mirrored request with this handle.
  public func request(_ handle: RequestHandle) -> Request? {
    mirror.table.slot(of: handle).map { mirror.table.requests[$0] }
  }

  /// What if: the engine had said that all its blocks are free. For copies that answer such questions, never for a
  /// session.
  public mutating func assumeFreeBlocks() { mirror.assumeFreeBlocks(engine.model.pools.map(\.blocks)) }

  /// A name that the engine sent, by its index; "" for -1.
  public func name(_ index: Int32) -> String { mirror.names.name(Int(index)) }
}
