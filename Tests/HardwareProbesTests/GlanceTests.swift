import Testing

@testable import HardwareProbes

/// What most looks are: a few figures that say whether the rest is worth reading.
@Suite struct GlanceTests {
  private let calm = Glance(
    nowMs: 1_000, someTotalUs: .ok(500), memoryBytes: .ok(64_000), availableBytes: .ok(30_000),
    usageBytes: [.ok(3_000)], leastLimitBytes: 6_400)

  private func later(_ change: (inout Glance) -> Void = { _ in }) -> Glance {
    var glance = calm
    glance.nowMs += 100
    change(&glance)
    return glance
  }

  @Test func smallMovesAreCalm() {
    #expect(later().isCalm(since: calm))
    #expect(later { $0.availableBytes = .ok(29_000) }.isCalm(since: calm))
    #expect(later { $0.usageBytes = [.ok(3_100)] }.isCalm(since: calm))
    // 0.7 % of 100 ms.
    #expect(later { $0.someTotalUs = .ok(1_200) }.isCalm(since: calm))
  }

  @Test func whatDecisionsHangOnIsNews() {
    #expect(!later { $0.availableBytes = .ok(28_999) }.isCalm(since: calm))
    #expect(!later { $0.usageBytes = [.ok(3_101)] }.isCalm(since: calm))
    #expect(!later { $0.someTotalUs = .ok(1_201) }.isCalm(since: calm))
  }

  @Test func whatCameOrWentIsNews() {
    #expect(!later { $0.availableBytes = .failed(.lost) }.isCalm(since: calm))
    #expect(!later { $0.usageBytes = [] }.isCalm(since: calm))
    #expect(!later { $0.usageBytes = [.failed(.denied)] }.isCalm(since: calm))
    #expect(!later { $0.someTotalUs = .unsupported }.isCalm(since: calm))
    // Another machine's counter.
    #expect(!later { $0.someTotalUs = .ok(499) }.isCalm(since: calm))
  }

  /// Only files of limits that can bind are read again; everything else stands as it was.
  @Test func aQuickLookReadsWhatCanBind() throws {
    let tree = try FixtureTree(
      Fixtures.machine + ["proc/self/mountinfo": Fixtures.v2Mount, "proc/self/cgroup": "0::/a/b\n"]
        + Fixtures.v2("/a/b", limit: "9000", usage: 1_000, inactiveFile: 10)
        + Fixtures.v2("/a", limit: "max", usage: 2_000, inactiveFile: 0))
    let collector = try tree.collector()
    let before = collector.collect()
    #expect(before.cgroup.levels.map(\.isBinding) == [true, false])
    let changes =
      ["proc/meminfo": Fixtures.meminfo.replacing("8192000", with: "4096000")]
      + ["sys/devices/system/node/node0/meminfo": Fixtures.node(0, totalKB: 10_000_000, freeKB: 1)]
      + Fixtures.v2("/a/b", limit: "8000", usage: 1_500, inactiveFile: 20)
      + Fixtures.v2("/a", limit: "max", usage: 2_500, inactiveFile: 0)
    for (path, text) in changes { try tree.write(path, text) }
    collector.look(isFull: false)
    #expect(collector.glance(nowMs: 0).usageBytes.map(\.value) == [1_500])
    #expect(collector.glance(nowMs: 0).leastLimitBytes == 9_000)
    let quick = collector.readings(isFull: false)
    #expect(quick.memory.availableBytes.value == 4_096_000 * 1024)
    #expect(quick.cgroup.levels.map(\.usageBytes.value) == [1_500, 2_000])
    #expect(quick.cgroup.levels[0].inactiveFileBytes.value == 10)
    #expect(quick.nodes[0].freeBytes.value == before.nodes[0].freeBytes.value)
    let full = collector.collect()
    #expect(full.cgroup.levels.map(\.usageBytes.value) == [1_500, 2_500])
    #expect(full.cgroup.levels[0].limitBytes.value == 8_000)
    #expect(full.nodes[0].freeBytes.value == 1024)
  }
}
