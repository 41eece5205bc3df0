import NIOCore
import SchedulerCore

/// Reaches a session from outside its event loop: what is asked runs there between two Steps.
struct SessionHandle: Sendable {
  private let eventLoop: any EventLoop
  private let session: NIOLoopBound<EngineSession>
  private let peer: PeerCredentials?

  /// Must be called on the session's event loop.
  init(_ session: EngineSession, on eventLoop: any EventLoop, peer: PeerCredentials?) {
    self.eventLoop = eventLoop
    self.session = NIOLoopBound(session, eventLoop: eventLoop)
    self.peer = peer
  }

  /// nil when the connection has no session.
  func view() async -> SessionView? {
    try? await eventLoop.submit { [session, peer] in session.value.view(peer: peer) }.get()
  }

  /// - Parameter name: of the session wanted; empty means any. nil when the connection has another one, or none.
  func requests(
    of name: String, limit: Int
  ) async -> (view: SessionView, requests: [RequestView], total: Int)? {
    let answer = try? await eventLoop.submit { [session, peer] in
      session.value.view(peer: peer).flatMap { view -> (SessionView, [RequestView], Int)? in
        guard name.isEmpty || view.registration.session == name else { return nil }
        let list = session.value.requests(limit: limit)
        return (view, list.views, list.total)
      }
    }.get()
    return answer ?? nil
  }

  func publish(_ resources: ResourceSnapshot) {
    eventLoop.execute { [session] in session.value.publish(resources) }
  }

  /// Returns when the session follows the policy: microseconds that the change took on its event loop, while no Step
  /// was served. nil when the connection is gone.
  func follow(_ policy: ActivePolicy) async -> Int? {
    try? await eventLoop.submit { [session] in
      let startUs = MonotonicClock.nowUs()
      session.value.publish(policy)
      return MonotonicClock.nowUs() - startUs
    }.get()
  }

  /// The inputs of the connection's last Steps; of the session wanted, empty means any.
  func recording(of name: String) async -> [RecordingSegment] {
    let segments = try? await eventLoop.submit { [session] in session.value.recording() }.get()
    return (segments ?? []).filter { name.isEmpty || $0.start.session == name }
  }

  func flushCharges() {
    eventLoop.execute { [session] in session.value.flushCharges() }
  }
}
