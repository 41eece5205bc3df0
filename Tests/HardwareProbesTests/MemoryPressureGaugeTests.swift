import SchedulerCore
import Testing

@testable import HardwareProbes

@Suite struct MemoryPressureGaugeTests {
  private func look(
    _ nowMs: Int, some: Int? = 0, full: Int? = 0, headroom: Int? = 100, capacity: Int? = 100
  ) -> MemoryPressureGauge.Look {
    .init(nowMs: nowMs, someTotalUs: some, fullTotalUs: full, headroomBytes: headroom, capacityBytes: capacity)
  }

  @Test func headroomLeads() {
    var gauge = MemoryPressureGauge()
    #expect(gauge.update(look(0, headroom: 50)) == MemoryPressureLevel.none)
    #expect(gauge.update(look(500, headroom: 10)) == MemoryPressureLevel.none)
    #expect(gauge.update(look(1_000, headroom: 9)) == .shrink)
    #expect(gauge.update(look(1_500, headroom: 4)) == .close)
  }

  @Test func aLevelIsLeftSlowlyAndOnlyWhenItIsReallyBetter() {
    var gauge = MemoryPressureGauge()
    #expect(gauge.update(look(0, headroom: 4)) == .close)
    // Above the threshold, but not by a fifth.
    #expect(gauge.update(look(10_000, headroom: 5)) == .close)
    #expect(gauge.update(look(20_000, headroom: 5)) == .close)
    #expect(gauge.update(look(21_000, headroom: 7)) == .close)
    #expect(gauge.update(look(25_999, headroom: 7)) == .close)
    #expect(gauge.update(look(26_000, headroom: 7)) == .shrink)
    #expect(gauge.update(look(27_000, headroom: 80)) == .shrink)
    // A relapse starts the wait anew.
    #expect(gauge.update(look(30_000, headroom: 11)) == .shrink)
    #expect(gauge.update(look(31_000, headroom: 80)) == .shrink)
    #expect(gauge.update(look(35_999, headroom: 80)) == .shrink)
    #expect(gauge.update(look(36_000, headroom: 80)) == MemoryPressureLevel.none)
  }

  @Test func stallsAreMeasuredOverTheWindow() {
    var gauge = MemoryPressureGauge()
    // 60 ms in 2 s are 3 %, 80 ms are 4 %.
    var total = 1_000_000
    for now in stride(from: 0, through: 2_000, by: 500) {
      #expect(gauge.update(look(now, some: total)) == MemoryPressureLevel.none)
      total += 15_000
    }
    for now in stride(from: 2_500, through: 4_000, by: 500) {
      total += 20_000
      _ = gauge.update(look(now, some: total))
    }
    #expect(gauge.level == .warn)
  }

  @Test func fullStallsAskToShrink() {
    var gauge = MemoryPressureGauge()
    _ = gauge.update(look(0))
    #expect(gauge.update(look(2_000, some: 130_000, full: 110_000)) == .shrink)
  }

  @Test func aCounterThatStartsAnewIsNoStall() {
    var gauge = MemoryPressureGauge()
    _ = gauge.update(look(0, some: 9_000_000))
    #expect(gauge.update(look(500, some: 10)) == MemoryPressureLevel.none)
    #expect(gauge.update(look(1_000, some: 20)) == MemoryPressureLevel.none)
  }

  @Test func withoutFiguresThereIsNoLevel() {
    var gauge = MemoryPressureGauge()
    #expect(gauge.update(look(0, some: nil, full: nil, headroom: nil)) == nil)
    #expect(gauge.update(look(1, some: nil, full: nil, headroom: 3)) == .close)
    #expect(gauge.update(look(2, some: 5, full: nil, headroom: nil)) == .close)
  }

  @Test func theBindingLimitIsWhatCounts() throws {
    let files =
      ["proc/self/mountinfo": Fixtures.v2Mount, "proc/self/cgroup": "0::/a\n"]
      + Fixtures.v2("/a", limit: "1000000", usage: 960_000, inactiveFile: 0)
    let tree = try FixtureTree(Fixtures.machine + files)
    let script = try ProbeScript("exit 1")
    defer { withExtendedLifetime((tree, script)) {} }
    var configuration = ResourceMonitor.Configuration()
    configuration.procRoot = tree.proc
    configuration.sysRoot = tree.sys
    configuration.helperPath = script.path
    let monitor = ResourceMonitor(configuration)
    try monitor.start()
    monitor.stop()
    #expect(monitor.current().memoryLevel == .close)
    #expect(monitor.snapshot()["memory"]?["level"]?["value"] == "close")
    #expect(renderSnapshot(monitor.snapshot(), width: 80).contains("CLOSE: about to run out"))
  }
}
