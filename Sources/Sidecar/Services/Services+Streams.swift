import WireProtocol

extension Services {
  /// Bounds of `interval_ms` of a watched snapshot.
  static let intervalMs = 100...3_600_000
  static let defaultIntervalMs = 1_000

  /// Answers one call with items until it is cancelled.
  func stream(_ method: WireMethod, _ message: JSONValue, to port: ReplyPort) async {
    do throws(CallError) {
      switch method {
      case .healthWatch: try await watchHealth(message, port)
      case .watchSnapshot: try await watchSnapshot(message, port)
      case .record: try await record(message, port)
      default: throw .unimplemented(method: method.rawValue)
      }
    } catch { port.finish(.failure(error)) }
  }

  /// Ends when the caller cancels, or with UNAVAILABLE when the sidecar stops.
  private func watchHealth(_ message: JSONValue, _ port: ReplyPort) async throws(CallError) {
    let aspect = try aspect(message)
    var pace = StreamPace(port: port)
    var told: Bool?
    for await health in health.changes() where health.isServing(aspect) != told {
      told = health.isServing(aspect)
      guard await pace.send(HealthState.message(health.isServing(aspect))) else { return }
    }
    throw .stopping
  }

  private func watchSnapshot(_ message: JSONValue, _ port: ReplyPort) async throws(CallError) {
    let interval = try MessageReader(message).integer(
      "interval_ms", in: Self.intervalMs, default: Self.defaultIntervalMs)
    var pace = StreamPace(port: port)
    while !Task.isCancelled {
      guard await pace.send(resources.snapshot()) else { return }
      try? await Task.sleep(for: .milliseconds(interval))
    }
  }
}
