import SchedulerCore
import Testing
import WireProtocol

@testable import HardwareProbes

/// The real helper on this machine and on machines that hwloc's synthetic notation makes up.
@Suite struct ProbeTests {
  @Test func readsThisMachine() throws {
    let document = try BuiltProbe.document()
    let topology = document.topology
    #expect(!topology.nodes.isEmpty)
    #expect(!topology.cores.isEmpty)
    #expect(!topology.allowedCPUs.isEmpty)
    #expect(topology.nodes.contains { !$0.cpus.isEmpty && $0.kind == .dram })
    #expect(renderTopology(document.json, width: 80).contains("node \(topology.nodes[0].osIndex)"))
  }

  @Test func agreesWithTheKernelsFiles() throws {
    let topology = try BuiltProbe.document().topology
    let collector = try #require(ShimCollector(procRoot: "/proc", sysRoot: "/sys"))
    let readings = collector.collect()
    #expect(topology.nodes.filter { !$0.cpus.isEmpty }.map(\.osIndex) == readings.nodes.map(\.osIndex))
    #expect(readings.cpusAllowed.value.flatMap { IDList($0) }?.isSubset(of: topology.allowedCPUs) == true)
    #expect(Headroom(readings).bytes.value ?? 0 > 0)
  }

  @Test func libnumaAgrees() throws {
    let json = try BuiltProbe.document().json
    let libnuma = try #require(json["libnuma"])
    guard libnuma["available"] == true else { return }
    #expect(libnuma["allowed_nodes"] == json["machine"]?["allowed_nodes"])
    #expect(libnuma["configured_cpus"]?.integerValue ?? 0 > 0)
    #expect(try BuiltProbe.document("--topology-synthetic", "pack:1 core:1 pu:1").json["libnuma"] == nil)
  }

  @Test func packagesStateTheirDies() throws {
    func dies(_ text: String) throws -> [JSONValue?] {
      try BuiltProbe.document("--topology-synthetic", text).json["packages"]?.arrayValue?.map { $0["dies"] } ?? []
    }
    #expect(try dies("pack:2 die:3 core:2 pu:1") == [3, 3])
    #expect(try dies("pack:1 core:2 pu:1") == [1])
  }

  @Test func memoryBesideTheDRAMOwnsNoCPUs() throws {
    // Two sockets of Grace: one ordinary node and two of GPU memory each; nothing says which is which.
    let text = "pack:2 [numa(memory=515396075520)] [numa(memory=199715979264)] [numa(memory=199715979264)] core:4 pu:1"
    let topology = try BuiltProbe.document("--topology-synthetic", text).topology
    #expect(topology.nodes.map(\.osIndex) == [0, 1, 2, 3, 4, 5])
    #expect(topology.nodes.filter { !$0.cpus.isEmpty }.map(\.osIndex) == [0, 3])
    #expect(topology.nodes[0].cpus.description == "0-3")
    #expect(topology.nodes[3].cpus.description == "4-7")
    #expect(topology.nodes[1].nearCPUs.description == "0-3")
  }

  @Test(arguments: [1, 2, 4, 8, 16]) func machinesOfManyNodes(_ count: Int) throws {
    let topology = try BuiltProbe.document(
      "--topology-synthetic", "pack:\(count) [numa(memory=1073741824)] l3:1 core:2 pu:2"
    ).topology
    #expect(topology.nodes.count == count)
    #expect(topology.cores.count == 2 * count)
    #expect(topology.nodes.allSatisfy { $0.cpus.count == 4 })
  }

  @Test(arguments: [
    "pack:2 [numa(memory=1082331758592)] l3:1 core:56 pu:2",
    "pack:2 group:4 [numa(memory=67645734912)] l3:2 core:3 pu:2",
    "pack:2 group:4 [numa(memory=135291469824)] [numa(memory=17179869184)] core:14 pu:2",
    "pack:2 [numa(memory=515396075520)] [numa(memory=199715979264)] [numa(memory=199715979264)] core:72 pu:1",
    "pack:16 [numa(memory=1073741824)] core:2 pu:2", "pack:1 core:1 pu:1", "numa:4 pu:3",
    "[numa(memory=1073741824)] pack:4 core:2 pu:1",
  ])
  func workersOnMadeUpMachines(_ text: String) throws {
    let topology = try BuiltProbe.document("--topology-synthetic", text).topology
    let host = topology.nodes.filter { !$0.cpus.isEmpty }
    for count in [1, 2, 3, 8, 40] {
      let placement = NodePlacer.place(topology, NodePlacementRequest(workers: count))
      #expect(placement.workers.count == count)
      #expect(Set(placement.workers.map(\.numaNode)).count == min(count, host.count))
      checkInvariants(placement, topology)
    }
  }

  @Test(arguments: [["--topology-synthetic", "nonsense"], ["--topology-xml", "/no/such/file.xml"]])
  func whatCannotBeLoadedIsAnErrorWithItsName(_ arguments: [String]) throws {
    let path = try BuiltProbe.path ?? HelperPath.find().get()
    do throws(ProbeFailure) {
      _ = try ProbeRun.output(path: path, arguments: arguments, limits: MonitorLimits())
      Issue.record("loaded \(arguments[1])")
    } catch {
      guard case .exited(code: 1, let message) = error else {
        Issue.record("\(error)")
        return
      }
      #expect(message.contains(arguments[1]))
    }
  }
}
