import Foundation
import Testing
import WireClient
import WireProtocol

/// Memory that really runs out around a sidecar changes its plans on the wire, and changes them back when it returns.
@Suite(.enabled(if: MemoryCgroup.isAvailable, "needs a memory cgroup that may be divided and /dev/shm"))
struct MemoryPressureTests {
  private static let limitBytes = 1 << 30
  /// The level falls after 5 s of ease; a loaded machine gets more.
  private static let patienceSeconds = 60.0

  @Test func plansFollowTheMemoryOfTheCgroup() throws {
    let directory = try TemporaryDirectory()
    let cgroup = try MemoryCgroup(limitBytes: Self.limitBytes)
    let sidecar = try ServedSidecar(in: directory, entry: cgroup.entry)
    #expect(try level(sidecar) == "none")
    #expect(try admits(sidecar))

    try fill(cgroup, sidecar, leaving: Self.limitBytes * 75 / 1000)
    try eventually("shrink") { try level(sidecar) == "shrink" }
    #expect(try admits(sidecar))

    try fill(cgroup, sidecar, leaving: Self.limitBytes * 30 / 1000)
    try eventually("close") { try level(sidecar) == "close" }
    let closed = try plan(sidecar)
    #expect(closed["run"]?["h"] == nil && closed["decode"] == "all", "the running request goes on: \(closed)")
    let reason = try #require(closed["reasons"]?.arrayValue?.first)
    #expect(reason[0] == 2 && reason[1] == "waiting_memory")
    #expect(try #require(reason[2]?.integerValue) < Self.limitBytes / 20)

    cgroup.releaseAll()
    try eventually("none again") { try level(sidecar) == "none" }
    #expect(try admits(sidecar))
    #expect(sidecar.end(with: SIGTERM) == 0)
  }

  /// Takes memory until so much of the limit is left, by the sidecar's own count.
  private func fill(_ cgroup: MemoryCgroup, _ sidecar: ServedSidecar, leaving bytes: Int) throws {
    let headroom = try #require(memory(sidecar)["headroom_bytes"]?["value"]?.integerValue)
    try #require(headroom > bytes, "the cgroup binds")
    try cgroup.charge(bytes: headroom - bytes)
  }

  private func memory(_ sidecar: ServedSidecar) throws -> JSONValue {
    try #require(try sidecar.command(["snapshot", "-o", "json"]).json()["memory"])
  }

  private func level(_ sidecar: ServedSidecar) throws -> String? {
    try memory(sidecar)["level"]?["value"]?.stringValue
  }

  /// The plan that a fresh session gets for one running and one waiting request.
  private func plan(_ sidecar: ServedSidecar) throws -> JSONValue {
    let (client, reply) = try sidecar.firstStep()
    defer { client.close() }
    return try #require(reply.message["plan"])
  }

  private func admits(_ sidecar: ServedSidecar) throws -> Bool {
    try plan(sidecar)["run"]?["h"]?.arrayValue?.contains(2) == true
  }

  private func eventually(_ what: String, _ condition: () throws -> Bool) throws {
    let deadline = Date(timeIntervalSinceNow: Self.patienceSeconds)
    while try !condition() {
      guard Date() < deadline else {
        Issue.record("never \(what)")
        return
      }
      usleep(200_000)
    }
  }
}
