/// Single requests, for those who watch: O(1).
extension SchedulerCore {
  /// The mirrored request with this handle.
  public func request(_ handle: RequestHandle) -> Request? {
    mirror.table.slot(of: handle).map { mirror.table.requests[$0] }
  }

  /// A name that the engine sent, by its index; "" for -1.
  public func name(_ index: Int32) -> String { mirror.names.name(Int(index)) }
}
