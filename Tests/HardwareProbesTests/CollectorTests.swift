import Foundation
import Testing

@testable import HardwareProbes

@Suite struct CollectorTests {
  @Test func readsTheMachine() throws {
    let readings = try FixtureTree(Fixtures.machine).collector().collect()
    #expect(readings.memory.totalBytes.value == 16_384_000 * 1024)
    #expect(readings.memory.availableBytes.value == 8_192_000 * 1024)
    #expect(readings.memory.inactiveFileBytes.value == 2_048_000 * 1024)
    #expect(readings.memory.mlockedBytes.value == 65_536)
    #expect(readings.memory.swapFreeBytes.value == 512_000 * 1024)
    #expect(readings.memoryPressure.some.avg10Centipercent.value == 125)
    #expect(readings.memoryPressure.some.avg300Centipercent.value == 7)
    #expect(readings.memoryPressure.full.totalUs.value == 789)
    #expect(readings.cpusAllowed.value == "0-3,8")
    #expect(readings.cpusOnline.value == "0-7")
    #expect(readings.numaBalancing.value == "1")
    #expect(readings.cgroup.version == "none")
  }

  @Test func nodesMayHaveGapsAndNoCPUs() throws {
    let readings = try FixtureTree(Fixtures.machine).collector().collect()
    #expect(readings.nodes.map(\.osIndex) == [0, 8])
    #expect(readings.nodes[0].cpus.value == "0-7")
    #expect(readings.nodes[1].cpus.value == "")
    #expect(readings.nodes[0].distances.value == [10, 40])
    #expect(readings.nodes[1].freeBytes.value == 1_000_000 * 1024)
  }

  @Test func figuresAreReadAnewThroughKeptDescriptors() throws {
    let tree = try FixtureTree(Fixtures.machine)
    let collector = try tree.collector()
    #expect(collector.collect().memory.freeBytes.value == 4_096_000 * 1024)
    try overwrite(tree, "proc/meminfo", Fixtures.meminfo.replacing("4096000", with: "1024000"))
    #expect(collector.collect().memory.freeBytes.value == 1_024_000 * 1024)
  }

  @Test func aKernelWithoutPressureFilesIsUnsupported() throws {
    let files = Fixtures.machine.filter { !$0.key.hasPrefix("proc/pressure") }
    let readings = try FixtureTree(files).collector().collect()
    for line in [readings.memoryPressure.some, readings.cpuPressure.full, readings.ioPressure.some] {
      #expect(line.avg10Centipercent.status == .unsupported)
      #expect(line.totalUs.value == nil)
    }
    #expect(readings.memory.freeBytes.status == .ok)
  }

  @Test func aPressureFileThatMayNotBeReadIsDenied() throws {
    let tree = try FixtureTree(Fixtures.machine)
    try tree.makeUnreadable("proc/pressure/memory")
    let readings = try tree.unprivilegedCollector().collect()
    #expect(readings.memoryPressure.some.avg10Centipercent.status == .denied)
    #expect(readings.memoryPressure.full.avg10Centipercent.status == .denied)
    #expect(readings.cpuPressure.some.avg10Centipercent.status == .ok)
  }

  @Test func anOldKernelHasNoFullLineForCPU() throws {
    let some = "some avg10=1.25 avg60=0.40 avg300=0.07 total=123456\n"
    let readings = try FixtureTree(Fixtures.machine + ["proc/pressure/cpu": some]).collector().collect()
    #expect(readings.cpuPressure.some.avg10Centipercent.value == 125)
    #expect(readings.cpuPressure.full.avg10Centipercent.status == .unsupported)
  }

  @Test(arguments: [
    "", "garbage\n", "some avg10=1.25\n", "some avg10=x avg60=0.40 avg300=0.07 total=1\n",
    "some avg10=1.25 avg60=0.40 avg300=0.07 total=99999999999999999999\n",
    "some avg10=1.25 avg60=0.40 avg300=0.07 total=1 more\n",
  ])
  func textThatIsNotUnderstoodIsLostAndNeverZero(_ text: String) throws {
    let readings = try FixtureTree(Fixtures.machine + ["proc/pressure/memory": text]).collector().collect()
    #expect(readings.memoryPressure.some.avg10Centipercent.status == .lost)
    #expect(readings.memoryPressure.some.totalUs.value == nil)
  }

  @Test(arguments: [
    "MemTotal: many kB\n", "MemTotal: 12 MB\n", "MemTotal:\n", "MemTotal: 99999999999999999999 kB\n",
    "MemTotal: 9223372036854775807 kB\n", "MemTotal: -1 kB\n",
  ])
  func brokenMeminfoIsLost(_ text: String) throws {
    let readings = try FixtureTree(Fixtures.machine + ["proc/meminfo": text]).collector().collect()
    #expect(readings.memory.totalBytes.status == .lost)
    #expect(readings.memory.swapFreeBytes.status == .unsupported)
  }

  @Test func aDirectoryInPlaceOfAFileIsLost() throws {
    let files = Fixtures.machine.filter { $0.key != "proc/meminfo" } + ["proc/meminfo/x": ""]
    let readings = try FixtureTree(files).collector().collect()
    #expect(readings.memory.totalBytes.status == .lost)
  }

  @Test func anEmptyMachineAnswersUnsupportedEverywhere() throws {
    let readings = try FixtureTree([:]).collector().collect()
    #expect(readings.nodes.isEmpty)
    #expect(readings.cpusAllowed.status == .unsupported)
    #expect(readings.nodesOnline.status == .unsupported)
    #expect(readings.memory.totalBytes.status == .unsupported)
    #expect(Headroom(readings).bytes.status == .unsupported)
  }

  @Test(arguments: ["3-1\n", "0-\n", "0,0\n", "x\n", "0-4294967295\n"])
  func strangeListsOfNodesGiveNoNodesOrALimit(_ online: String) throws {
    let files = Fixtures.machine + ["sys/devices/system/node/online": online]
    let readings = try FixtureTree(files).collector().collect()
    #expect(readings.nodes.count <= 64)
    #expect(readings.nodes.isEmpty || readings.nodesTruncated)
  }

  private func overwrite(_ tree: FixtureTree, _ path: String, _ text: String) throws {
    // In place: a kept descriptor stays with the file that it was opened on, as with the kernel's.
    let handle = try #require(fopen(tree.root.appending(path: path).path, "r+"))
    #expect(fputs(text, handle) >= 0)
    #expect(fclose(handle) == 0)
  }
}
