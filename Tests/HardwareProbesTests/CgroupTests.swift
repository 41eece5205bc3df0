import Testing

@testable import HardwareProbes

@Suite struct CgroupTests {
  private func readings(_ files: [String: String]) throws -> MachineReadings {
    try FixtureTree(Fixtures.machine + files).collector().collect()
  }

  @Test func version2() throws {
    let readings = try readings(
      ["proc/self/mountinfo": Fixtures.v2Mount, "proc/self/cgroup": "0::/serving/engine\n"]
        + Fixtures.v2("/serving/engine", limit: "4000000000", usage: 3_000_000_000, inactiveFile: 500_000_000, swap: 7)
        + Fixtures.v2("/serving", limit: "max", usage: 3_100_000_000, inactiveFile: 600_000_000)
        + ["sys/fs/cgroup/serving/cpuset.cpus.effective": "0-3\n", "sys/fs/cgroup/cpuset.mems.effective": "0\n"])
    #expect(readings.cgroup.version == "v2")
    #expect(!readings.cgroup.hybrid)
    // The root of v2 has no memory files and is no level.
    #expect(readings.cgroup.levels.map(\.path) == ["/serving/engine", "/serving"])
    #expect(readings.cgroup.levels[0].limitBytes.value == 4_000_000_000)
    #expect(readings.cgroup.levels[0].swapUsageBytes.value == 7)
    #expect(readings.cgroup.levels[1].limitBytes.status == .ok)
    #expect(readings.cgroup.levels[1].limitBytes.value == .some(nil))
    // The nearest cgroup that has a cpuset.
    #expect(readings.cgroup.cpus.value == "0-3")
    #expect(readings.cgroup.nodes.value == "0")
    let headroom = Headroom(readings)
    #expect(headroom.tightestLevel == 0)
    #expect(headroom.bytes.value == 1_500_000_000)
  }

  @Test func theTightestOfNestedLimitsWins() throws {
    let readings = try readings(
      ["proc/self/mountinfo": Fixtures.v2Mount, "proc/self/cgroup": "0::/a/b/c\n"]
        + Fixtures.v2("/a/b/c", limit: "9000000000", usage: 1_000_000_000, inactiveFile: 0)
        + Fixtures.v2("/a/b", limit: "5000000000", usage: 4_500_000_000, inactiveFile: 100_000_000)
        + Fixtures.v2("/a", limit: "8000000000", usage: 5_000_000_000, inactiveFile: 0))
    let headroom = Headroom(readings)
    #expect(headroom.levels.map(\.value) == [8_000_000_000, 600_000_000, 3_000_000_000])
    #expect(headroom.tightestLevel == 1)
    #expect(headroom.bytes.value == 600_000_000)
  }

  @Test func theHighLimitBindsWhereItIsTighter() throws {
    let readings = try readings(
      ["proc/self/mountinfo": Fixtures.v2Mount, "proc/self/cgroup": "0::/a/b\n"]
        + Fixtures.v2("/a/b", limit: "9000000000", usage: 1_000_000_000, inactiveFile: 0)
        + Fixtures.v2("/a", limit: "max", usage: 2_000_000_000, inactiveFile: 500_000_000)
        + ["sys/fs/cgroup/a/b/memory.high": "max\n", "sys/fs/cgroup/a/memory.high": "3000000000\n"])
    #expect(readings.cgroup.levels.map(\.highBytes.status) == [.unsupported, .ok])
    let headroom = Headroom(readings)
    #expect(headroom.levels.map(\.value) == [8_000_000_000, 1_500_000_000])
    #expect(headroom.bytes.value == 1_500_000_000)
    #expect(headroom.capacityBytes == 3_000_000_000)
  }

  @Test func aHighLimitThatCannotBeReadLeavesTheHeadroomUnknown() throws {
    let readings = try readings(
      ["proc/self/mountinfo": Fixtures.v2Mount, "proc/self/cgroup": "0::/a\n"]
        + Fixtures.v2("/a", limit: "max", usage: 5_000, inactiveFile: 100)
        + ["sys/fs/cgroup/a/memory.high": "garbage\n"])
    #expect(Headroom(readings).bytes.status == .lost)
  }

  /// A container sees its own cgroup as the root: its parent's limit shows in one line of a file only.
  @Test func aLimitAboveTheContainerBinds() throws {
    let mount = Fixtures.v1MemoryMount.replacing("0:29 / ", with: "0:29 /pod/x ")
    var files = Fixtures.v1("", limit: "9000000000", usage: 1_000_000_000, inactiveFile: 100_000_000)
    files["sys/fs/cgroup/memory/memory.stat", default: ""] += "hierarchical_memory_limit 3000000000\n"
    let base = ["proc/self/mountinfo": mount, "proc/self/cgroup": "9:memory:/pod/x\n"]
    let hidden = try readings(base + files)
    #expect(hidden.cgroup.hiddenLimitBytes.value == 3_000_000_000)
    #expect(hidden.cgroup.levels[0].limitBytes.value == 9_000_000_000)
    #expect(Headroom(hidden).bytes.value == 2_100_000_000)
    #expect(Headroom(hidden).capacityBytes == 3_000_000_000)
    // The container's own limit is no hidden one.
    files["sys/fs/cgroup/memory/memory.stat"] = "hierarchical_memory_limit 9000000000\ntotal_inactive_file 100000000\n"
    #expect(try readings(base + files).cgroup.hiddenLimitBytes.status == .unsupported)
    files["sys/fs/cgroup/memory/memory.limit_in_bytes"] = Fixtures.unlimitedV1
    files["sys/fs/cgroup/memory/memory.stat"] = "hierarchical_memory_limit \(Fixtures.unlimitedV1)\n"
    let free = try readings(base + files)
    #expect(free.cgroup.hiddenLimitBytes.status == .unsupported)
    #expect(Headroom(free).levels[0].status == .unsupported)
  }

  @Test func usageAboveTheLimitLeavesNoRoom() throws {
    let readings = try readings(
      ["proc/self/mountinfo": Fixtures.v2Mount, "proc/self/cgroup": "0::/a\n"]
        + Fixtures.v2("/a", limit: "1000", usage: 5_000, inactiveFile: 100))
    #expect(Headroom(readings).bytes.value == 0)
  }

  @Test func version1WithItsNumberForNoLimit() throws {
    let readings = try readings(
      ["proc/self/mountinfo": Fixtures.v1MemoryMount, "proc/self/cgroup": "9:memory:/docker/x\n1:name=systemd:/\n"]
        + Fixtures.v1("/docker/x", limit: "2000000000", usage: 1_500_000_000, inactiveFile: 200_000_000)
        + Fixtures.v1("/docker", limit: Fixtures.unlimitedV1, usage: 1_600_000_000, inactiveFile: 0)
        + Fixtures.v1("", limit: Fixtures.unlimitedV1, usage: 9_000_000_000, inactiveFile: 0)
        + ["sys/fs/cgroup/memory/docker/x/memory.memsw.usage_in_bytes": "1600000000\n"])
    #expect(readings.cgroup.version == "v1")
    #expect(readings.cgroup.levels.map(\.path) == ["/docker/x", "/docker", "/"])
    #expect(readings.cgroup.levels.map { $0.limitBytes.value ?? -1 } == [2_000_000_000, nil, nil])
    // v1 counts memory and swap in one figure.
    #expect(readings.cgroup.levels[0].swapUsageBytes.value == 100_000_000)
    #expect(readings.cgroup.levels[1].swapUsageBytes.status == .unsupported)
    #expect(Headroom(readings).bytes.value == 700_000_000)
  }

  @Test func aContainerSeesASubtreeOnly() throws {
    let mount = Fixtures.v1MemoryMount.replacing("0:29 / ", with: "0:29 /docker/x ")
    let readings = try readings(
      ["proc/self/mountinfo": mount, "proc/self/cgroup": "9:memory:/docker/x\n"]
        + Fixtures.v1("", limit: "3000000000", usage: 1_000_000_000, inactiveFile: 0))
    #expect(readings.cgroup.levels.map(\.path) == ["/"])
    #expect(Headroom(readings).bytes.value == 2_000_000_000)
  }

  @Test(arguments: ["/../other", "/elsewhere/x"])
  func aPathOutsideOfTheMountIsTheNearestVisible(_ path: String) throws {
    let mount = Fixtures.v2Mount.replacing("0:26 / ", with: "0:26 /docker/x ")
    let readings = try readings(
      ["proc/self/mountinfo": mount, "proc/self/cgroup": "0::\(path)\n"]
        + Fixtures.v2("", limit: "3000000000", usage: 1_000_000_000, inactiveFile: 0))
    #expect(readings.cgroup.levels.map(\.path) == ["/"])
  }

  @Test func hybridWithMemoryInVersion1() throws {
    let readings = try readings(
      [
        "proc/self/mountinfo": Fixtures.v1MemoryMount + Fixtures.hybridMount + Fixtures.v1CpusetMount,
        "proc/self/cgroup": "9:memory:/x\n8:cpuset:/y\n0::/z\n",
        "sys/fs/cgroup/cpuset/y/cpuset.effective_cpus": "2-3\n",
        "sys/fs/cgroup/cpuset/y/cpuset.mems": "0\n",
      ] + Fixtures.v1("/x", limit: "2000000000", usage: 1_000_000_000, inactiveFile: 0))
    #expect(readings.cgroup.version == "v1")
    #expect(readings.cgroup.hybrid)
    #expect(readings.cgroup.cpus.value == "2-3")
    #expect(readings.cgroup.nodes.value == "0")
  }

  @Test func hybridWithMemoryInVersion2() throws {
    let files = Fixtures.v2("/unified/z", limit: "2000000000", usage: 500_000_000, inactiveFile: 0)
    let readings = try readings(
      [
        "proc/self/mountinfo": Fixtures.v1CpusetMount + Fixtures.hybridMount,
        "proc/self/cgroup": "8:cpuset:/y\n0::/z\n",
      ] + files)
    #expect(readings.cgroup.version == "v2")
    #expect(readings.cgroup.hybrid)
    #expect(Headroom(readings).bytes.value == 1_500_000_000)
  }

  @Test func aLimitThatCannotBeReadLeavesTheHeadroomUnknown() throws {
    let readings = try readings(
      ["proc/self/mountinfo": Fixtures.v2Mount, "proc/self/cgroup": "0::/a\n"]
        + Fixtures.v2("/a", limit: "garbage", usage: 5_000, inactiveFile: 100))
    #expect(readings.cgroup.levels[0].limitBytes.status == .lost)
    #expect(Headroom(readings).bytes.status == .lost)
  }

  @Test func nodesThatAreNotAllowedDoNotCount() throws {
    let status = Fixtures.status.replacing("Mems_allowed_list:\t0,8", with: "Mems_allowed_list:\t8")
    let headroom = Headroom(try readings(["proc/self/status": status]))
    #expect(headroom.nodesBytes.value == 1_001_000 * 1024)
    #expect(headroom.bytes.value == 1_001_000 * 1024)
  }

  @Test func escapedMountPointsAndDeepNestingAreBounded() throws {
    let path = (0..<40).map { "/d\($0)" }.joined()
    var files = ["proc/self/mountinfo": Fixtures.v2Mount, "proc/self/cgroup": "0::\(path)\n"]
    files = files + Fixtures.v2(path, limit: "100", usage: 1, inactiveFile: 0)
    #expect(try readings(files).cgroup.levels.count == 1)
    let spaced = Fixtures.v2Mount.replacing("/sys/fs/cgroup", with: "/sys/fs/c\\040g")
    let odd = try readings([
      "proc/self/mountinfo": spaced, "proc/self/cgroup": "0::/\n", "sys/fs/c g/memory.max": "77\n",
      "sys/fs/c g/memory.current": "7\n",
    ])
    #expect(odd.cgroup.levels.first?.limitBytes.value == 77)
  }
}
