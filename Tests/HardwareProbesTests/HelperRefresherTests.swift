import Foundation
import Testing

@testable import HardwareProbes

/// The helper in all its moods. The clock is the test's own; only the helper's end is awaited for real.
@Suite struct HelperRefresherTests {
  private func refresher(_ script: ProbeScript, _ change: (inout MonitorLimits) -> Void = { _ in }) -> TopologyRefresher
  {
    var limits = MonitorLimits()
    change(&limits)
    // The closure keeps the script's files.
    return TopologyRefresher(find: { .success(script.path) }, limits: limits, nowMs: 0)
  }

  /// Drives it at a standing clock until the run under way has ended.
  private func finish(_ refresher: inout TopologyRefresher, nowMs: Int) throws {
    let runs = refresher.runs
    try eventually("the run ended") {
      refresher.advance(nowMs: nowMs)
      return refresher.runs > runs
    }
  }

  @Test func aGoodRun() throws {
    let script = try ProbeScript(ProbeScript.good)
    var refresher = refresher(script)
    #expect(refresher.status(nowMs: 0) == .lost)
    try finish(&refresher, nowMs: 10)
    #expect(refresher.status(nowMs: 10) == .ok)
    #expect(refresher.document?.topology.cores.count == 2)
    #expect(refresher.failure == nil)
    #expect(refresher.wakeMs(nowMs: 10) == 10 + MonitorLimits().topologyIntervalMs)
  }

  @Test func theLastGoodOneServesAndGrowsOld() throws {
    let script = try ProbeScript(ProbeScript.good)
    var refresher = refresher(script)
    try finish(&refresher, nowMs: 0)
    try script.become("kill -9 $$")
    try finish(&refresher, nowMs: 60_000)
    #expect(refresher.failure == .signalled(signal: 9, message: ""))
    #expect(refresher.document?.topology.cores.count == 2)
    #expect(refresher.readMs == 0)
    #expect(refresher.status(nowMs: 60_000) == .stale)
    #expect(refresher.status(nowMs: 600_001) == .lost)
    try script.become(ProbeScript.good)
    try finish(&refresher, nowMs: 700_000)
    #expect(refresher.status(nowMs: 700_000) == .ok)
    #expect(refresher.failure == nil)
  }

  @Test func aHungHelperIsKilledWithWhatItStarted() throws {
    let script = try ProbeScript("sleep 600 & echo $! > NOTE; wait")
    var refresher = refresher(script)
    try eventually("it hangs") {
      refresher.advance(nowMs: 0)
      return script.noteText()?.hasSuffix("\n") ?? false
    }
    let grandchild = try #require(script.noteText().flatMap { Int32($0.dropLast()) })
    refresher.advance(nowMs: 4_999)
    #expect(refresher.runs == 0)
    try finish(&refresher, nowMs: 5_000)
    #expect(refresher.failure == .hung(stage: nil, deadlineMs: 5_000, abandoned: false))
    try eventually("what it started is gone") { !Self.runs(grandchild) }
  }

  /// Whether a process lives; one that only awaits its reaper does not.
  private static func runs(_ pid: Int32) -> Bool {
    guard let stat = try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8) else { return false }
    return !stat.contains(") Z ")
  }

  @Test func eachStageHasItsOwnDeadline() throws {
    let script = try ProbeScript(#"echo '{"stage":"init"}'; echo up > NOTE; sleep 600"#)
    var refresher = refresher(script) { $0.stageDeadlinesMs = ["init": 9_000] }
    try eventually("it hangs") {
      refresher.advance(nowMs: 100)
      return script.noteText() != nil
    }
    refresher.advance(nowMs: 100)
    refresher.advance(nowMs: 9_099)
    #expect(refresher.runs == 0)
    try finish(&refresher, nowMs: 9_100)
    #expect(refresher.failure == .hung(stage: "init", deadlineMs: 9_000, abandoned: false))
    #expect(refresher.failure?.description == "the helper hung in stage init and was killed after 9000 ms")
  }

  @Test func closingItsOutputDoesNotEndARun() throws {
    let script = try ProbeScript(ProbeScript.good + "; exec >&- 2>&-; sleep 600")
    var refresher = refresher(script)
    for _ in 0..<20 {
      refresher.advance(nowMs: 0)
      usleep(5_000)
    }
    #expect(refresher.runs == 0)
    try finish(&refresher, nowMs: 5_000)
    #expect(refresher.failure == .hung(stage: nil, deadlineMs: 5_000, abandoned: false))
  }

  @Test func endlessOutputIsCut() throws {
    let script = try ProbeScript("while :; do echo 0123456789012345678901234567890123456789; done")
    var refresher = refresher(script) { $0.helperOutputBytes = 10_000 }
    try finish(&refresher, nowMs: 0)
    #expect(refresher.failure == .oversized(limitBytes: 10_000))
  }

  @Test func itsLastWordsAreKept() throws {
    let script = try ProbeScript("echo first >&2; echo the disk is on fire >&2; exit 3")
    var refresher = refresher(script)
    try finish(&refresher, nowMs: 0)
    #expect(refresher.failure == .exited(code: 3, message: "the disk is on fire"))
  }

  @Test(arguments: [
    "echo hello", "echo '{'", "echo '[]'", "true", "echo '{\"version\":2}'",
    "printf '\\377\\376'", ProbeScript.good + "; echo trailing",
    ProbeScript.good.replacing("\"dram\"", with: "\"wool\""), ProbeScript.good.replacing("0-1", with: "1-0"),
  ])
  func whatIsNoTopologyIsRefused(_ body: String) throws {
    var refresher = refresher(try ProbeScript(body))
    try finish(&refresher, nowMs: 0)
    guard case .invalid = refresher.failure else {
      Issue.record("\(String(describing: refresher.failure))")
      return
    }
    #expect(refresher.document == nil)
  }

  @Test func pausesGrowAfterFailuresUpToALimit() throws {
    let script = try ProbeScript("exit 1")
    var refresher = refresher(script)
    var now = 0
    var pauses: [Int] = []
    for _ in 0..<9 {
      try finish(&refresher, nowMs: now)
      pauses.append(refresher.wakeMs(nowMs: now) - now)
      now = refresher.wakeMs(nowMs: now)
      refresher.advance(nowMs: now - 1)
    }
    #expect(pauses == [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000, 60_000])
  }

  @Test func aMissingHelperIsUnsupported() throws {
    var refresher = TopologyRefresher(
      find: { .failure(.notFound(searched: ["nowhere"])) }, limits: MonitorLimits(), nowMs: 0)
    refresher.advance(nowMs: 0)
    #expect(refresher.status(nowMs: 0) == .unsupported)
    #expect(refresher.failure?.description.contains("nowhere") == true)
    var other = TopologyRefresher(find: { .success("/no/such/probe") }, limits: MonitorLimits(), nowMs: 0)
    other.advance(nowMs: 0)
    #expect(other.failure == .spawn(path: "/no/such/probe", errno: ENOENT))
  }
}
