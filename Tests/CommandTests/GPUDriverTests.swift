import Foundation
import Testing
import WireClient
import WireProtocol

/// A sidecar on a machine whose GPU driver misbehaves: it says so, goes on planning and survives.
@Suite(.enabled(if: DriverDouble.isAvailable, "needs a C compiler"))
struct GPUDriverTests {
  /// What the snapshot should come to say; longer than any deadline of the helper's stages.
  private static let patienceSeconds = 60.0

  private func gpu(_ sidecar: ServedSidecar) throws -> JSONValue {
    try #require(try sidecar.command(["snapshot", "-o", "json"]).json()["gpu"])
  }

  private func eventually(
    _ sidecar: ServedSidecar, _ what: Comment, _ holds: (JSONValue) -> Bool
  ) throws {
    let deadline = Date(timeIntervalSinceNow: Self.patienceSeconds)
    while true {
      let gpu = try gpu(sidecar)
      if holds(gpu) { return }
      guard Date() < deadline else {
        Issue.record("never \(what): \(gpu.text.prefix(2_000))")
        return
      }
      usleep(100_000)
    }
  }

  private func status(_ gpu: JSONValue, _ name: String, device: Int = 0) -> String? {
    gpu["devices"]?[device]?[name]?["status"]?.stringValue
  }

  /// Starts in one mood, waits for the truth about it, then for that about the next.
  private func serve(
    _ mood: String, flags: [String] = [], _ what: Comment, _ holds: (JSONValue) -> Bool,
    then: [(mood: String, what: Comment, holds: (JSONValue) -> Bool)] = []
  ) throws {
    let directory = try TemporaryDirectory()
    let driver = try DriverDouble(mood: mood, flags: flags)
    let sidecar = try ServedSidecar(in: directory, environment: driver.environment)
    try eventually(sidecar, what, holds)
    for next in then {
      try driver.become(next.mood)
      try eventually(sidecar, next.what, next.holds)
    }
    let (client, reply) = try sidecar.firstStep()
    #expect(reply.message["plan"]?["run"] != nil || reply.message["plan"]?["decode"] != nil, "it plans")
    client.close()
    #expect(sidecar.end(with: SIGTERM) == 0)
  }

  private func isWell(_ gpu: JSONValue) -> Bool {
    gpu["devices"]?.arrayValue?.count == 8 && status(gpu, "memory_used_bytes") == "ok"
      && gpu["failure"]?["status"] == "unsupported"
  }

  @Test func eightGPUs() throws { try serve("normal", "eight GPUs", isWell) }

  @Test func dividedGPUs() throws {
    try serve("mig", "instances") { gpu in
      isWell(gpu) && gpu["devices"]?[0]?["instances"]?.arrayValue?.count == 2
        && status(gpu, "utilization_percent") == "unsupported"
    }
  }

  @Test func anOldDriver() throws {
    try serve("normal", flags: ["-DOLD"], "what it lacks") { gpu in
      isWell(gpu) && status(gpu, "power_mw") == "unsupported" && status(gpu, "xid_last") == "unsupported"
    }
  }

  @Test func noPermission() throws {
    try serve("denied", "denied") { gpu in status(gpu, "memory_used_bytes") == "denied" }
  }

  @Test func aHangInInit() throws {
    try serve("hang-init", "lost, in init") { gpu in
      gpu["driver_version"]?["status"] == "lost" && gpu["failure"]?["value"]?.stringValue?.contains("init") == true
    }
  }

  @Test func aHangInAGetter() throws {
    try serve(
      "normal", "well", isWell,
      then: [
        ("hang-getter", "stale", { gpu in status(gpu, "memory_used_bytes") == "stale" }), ("normal", "well", isWell),
      ])
  }

  @Test func aLostGPU() throws {
    try serve(
      "normal", "well", isWell,
      then: [
        (
          "lost", "lost and quarantined",
          { gpu in
            status(gpu, "memory_used_bytes", device: 3) == "lost" && status(gpu, "memory_used_bytes") == "ok"
              && gpu["devices"]?[3]?["quarantine"]?["value"] == "it is lost"
          }
        )
      ])
  }

  @Test func xid79() throws {
    try serve(
      "normal", "well", isWell,
      then: [
        (
          "xid", "quarantined",
          { gpu in
            gpu["devices"]?[3]?["xid_last"]?["value"] == 79 && status(gpu, "quarantine", device: 3) == "ok"
              && status(gpu, "quarantine", device: 2) == "unsupported"
          }
        )
      ])
  }

  @Test func aLibraryThatDoesNotMatchAndAReload() throws {
    func isMismatched(_ gpu: JSONValue) -> Bool {
      gpu["driver_version"]?["status"] == "lost"
        && gpu["failure"]?["value"]?.stringValue?.contains("mismatch") == true
    }
    try serve(
      "mismatch", "mismatch", isMismatched,
      then: [
        ("normal", "well", isWell), ("reloaded", "lost", { gpu in status(gpu, "memory_used_bytes") == "lost" }),
        ("normal", "well again", isWell),
      ])
  }

  @Test func aHelperThatAborts() throws {
    try serve(
      "normal", "well", isWell,
      then: [
        (
          "abort", "stale",
          { gpu in
            status(gpu, "memory_used_bytes") == "stale"
              && gpu["failure"]?["value"]?.stringValue?.contains("signal 6") == true
          }
        ), ("normal", "well", isWell),
      ])
  }

  /// hwloc ends its process by an assertion where the NUMA directory of sysfs is masked.
  @Test(.enabled(if: MaskedNodes.isAvailable, "needs a mount namespace of its own"))
  func nodesThatAreMasked() throws {
    let directory = try TemporaryDirectory()
    let sidecar = try ServedSidecar(in: directory, entry: MaskedNodes.entry)
    let deadline = Date(timeIntervalSinceNow: Self.patienceSeconds)
    var topology = try sidecar.command(["snapshot", "-o", "json"]).json()["topology"]
    while topology?["failure"]?["status"] != "ok", Date() < deadline {
      usleep(100_000)
      topology = try sidecar.command(["snapshot", "-o", "json"]).json()["topology"]
    }
    #expect(topology?["failure"]?["value"]?.stringValue?.contains("signal 6") == true, "\(topology?.text ?? "")")
    #expect(topology?["cores"]?["status"] == "lost")
    let (client, reply) = try sidecar.firstStep()
    #expect(reply.message["plan"] != nil)
    client.close()
    #expect(sidecar.end(with: SIGTERM) == 0)
  }
}
