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

  func requests(limit: Int) async -> (view: SessionView, requests: [RequestView], total: Int)? {
    let answer = try? await eventLoop.submit { [session, peer] in
      let list = session.value.requests(limit: limit)
      return session.value.view(peer: peer).map { ($0, list.views, list.total) }
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
