import Testing
import WireProtocol

@testable import HardwareProbes

@Suite struct RenderTests {
  private func snapshot(_ files: [String: String]) throws -> JSONValue {
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
    return monitor.snapshot()
  }

  @Test func namesTheTightestLimit() throws {
    let page = renderSnapshot(
      try snapshot(
        ["proc/self/mountinfo": Fixtures.v2Mount, "proc/self/cgroup": "0::/a/b\n"]
          + Fixtures.v2("/a/b", limit: "6000000000", usage: 1_000_000_000, inactiveFile: 0)
          + Fixtures.v2("/a", limit: "2147483648", usage: 1_073_741_824, inactiveFile: 0)), width: 80)
    #expect(page.contains("headroom  1.00 GiB until a limit binds: cgroup /a\n"))
    #expect(page.contains("  /a   <- the tightest limit\n"))
    #expect(page.contains("[##############..............] 1.00 GiB of 2.00 GiB, room 1.00 GiB"))
    #expect(page.contains("node 8    [########################....] 977 MiB of 6.09 GiB free, no CPUs"))
    #expect(page.contains("The kernel moves pages between nodes"))
    #expect(page.split(separator: "\n").allSatisfy { $0.count <= 80 })
  }

  @Test func saysWhatCannotBeReadAndWhy() throws {
    let page = renderSnapshot(try snapshot(["proc/pressure/io": "rubbish", "proc/meminfo": ""]), width: 80)
    #expect(page.contains("Memory      total (unsupported), available (unsupported)"))
    #expect(page.contains("  io        some (lost)"))
    #expect(!page.contains("0.00 GiB"))
  }

  @Test(arguments: [-5, 0, 40, 79, 200]) func keepsToTheWidth(_ width: Int) throws {
    let page = renderSnapshot(try snapshot([:]), width: width)
    #expect(page.split(separator: "\n").allSatisfy { $0.count <= max(40, width) })
  }

  @Test func anEmptyDocumentIsNoCrash() {
    #expect(renderSnapshot([:], width: 80).contains("Memory"))
    #expect(renderTopology(["a": 1], width: 80).contains("\"a\": 1"))
  }

  @Test(arguments: [(0, "0 B"), (999, "999 B"), (1_023, "1.00 KiB"), (1 << 30, "1.00 GiB"), (Int.max, "8.00 EiB")])
  func bytes(_ value: Int, _ text: String) { #expect(Quantities.bytes(value) == text) }

  @Test(arguments: [(0.0, "0.00"), (1.005, "1.00"), (-0.5, "-0.50"), (99.999, "100.00")])
  func decimals(_ value: Double, _ text: String) { #expect(Quantities.decimal(value, places: 2) == text) }
}
