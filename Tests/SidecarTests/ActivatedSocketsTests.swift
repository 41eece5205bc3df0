import Testing

@testable import Sidecar

struct ActivatedSocketsTests {
  private func find(_ environment: [String: String]) -> [SocketKind: CInt] {
    ActivatedSockets.find(environment: { environment[$0] }, pid: 42)
  }

  @Test func namesSayWhichSocketIsWhich() {
    #expect(
      find(["LISTEN_PID": "42", "LISTEN_FDS": "2", "LISTEN_FDNAMES": "admin:engine"]) == [.admin: 3, .engine: 4])
    #expect(find(["LISTEN_PID": "42", "LISTEN_FDS": "1", "LISTEN_FDNAMES": "engine.sock"]) == [.engine: 3])
    #expect(find(["LISTEN_PID": "42", "LISTEN_FDS": "2", "LISTEN_FDNAMES": "other:admin"]) == [.admin: 4])
  }

  @Test func withoutNamesTheEngineComesFirst() {
    #expect(find(["LISTEN_PID": "42", "LISTEN_FDS": "2"]) == [.engine: 3, .admin: 4])
  }

  @Test func whatIsMeantForAnotherProcessIsLeftAlone() {
    #expect(find(["LISTEN_PID": "41", "LISTEN_FDS": "2"]) == [:])
    #expect(find(["LISTEN_FDS": "2"]) == [:])
    #expect(find(["LISTEN_PID": "42", "LISTEN_FDS": "none"]) == [:])
    #expect(find([:]) == [:])
  }
}
