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
    eventLoop.execute { [session] in session.value.resources = resources }
  }

  func flushCharges() {
    eventLoop.execute { [session] in session.value.flushCharges() }
  }
}
