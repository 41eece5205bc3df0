import Logging
import WireProtocol

extension Services {
  /// `Admin/Drain`: out of service, or back. Answers what is still to be served.
  func drain(_ message: JSONValue, _ peer: PeerCredentials?) async throws(CallError) -> JSONValue {
    let action = try MessageReader(message).choice("action", default: DrainAction.start)
    let isChanged =
      switch action {
      case .start: health.startDraining(Drain(sinceUnixMs: Self.unixMs(), uid: peer?.uid))
      case .resume: health.stopDraining()
      case .show: false
      }
    // A session that was let in before the mark is in these views: Register and view run on the same loop.
    let sessions = await views()
    let requests = sessions.reduce(0) { $0 + $1.requestsLeft }
    if isChanged {
      log.notice(
        action == .start ? "draining" : "draining ended",
        metadata: [
          "uid": "\(peer.map { "\($0.uid)" } ?? "?")", "pid": "\(peer.map { "\($0.pid)" } ?? "?")",
          "sessions": "\(sessions.count)", "requests": "\(requests)",
        ])
    }
    return [
      "draining": health.drain?.json ?? .null, "changed": .bool(isChanged), "requests": JSONValue(requests),
      "done": .bool(sessions.allSatisfy(\.isDone)), "sessions": .array(sessions.map(\.drainJSON)),
    ]
  }
}

extension SessionView {
  fileprivate var requestsLeft: Int { counts.running &+ counts.waiting }

  /// Nothing is left to serve. Without a mirror nobody knows; one that is being filled is known at its first Step.
  fileprivate var isDone: Bool {
    switch state {
    case EngineSession.State.replaced.rawValue: true
    case EngineSession.State.lost.rawValue: false
    case EngineSession.State.syncing.rawValue: seq == 0
    default: requestsLeft == 0
    }
  }

  fileprivate var drainJSON: JSONValue {
    [
      "session": .string(registration.session), "server_id": .string(registration.engine.serverID),
      "dp_rank": JSONValue(registration.engine.dpRank), "state": .string(state),
      "running": JSONValue(counts.running), "waiting": JSONValue(counts.waiting),
      "blocked": JSONValue(counts.blocked), "done": .bool(isDone),
    ]
  }
}
