import SchedulerCore
import Testing

@testable import HardwareProbes

@Suite struct NCCLTopologyTests {
  private func load(_ text: String) throws -> MachineTopology {
    try TopologyDocument(json: NCCLTopology.document(Array(text.utf8))).topology
  }

  private let machine = """
    <?xml version="1.0"?>
    <!-- two nodes, the second named first on PCI -->
    <system version="1">
      <cpu numaid="0" affinity="00000000,0000ff00" arch="x86_64">
        <pci busid="0000:A0:00.0" class="0x060400">
          <pci busid="0000:a1:00.0" class="0x030200"><gpu dev="1"><nvlink target="0000:c0:00.0" count="6" tclass="0x068000"/></gpu></pci>
          <pci busid="0000:a2:00.0" class="0x020700"><nic><net name="mlx5_&amp;0" speed="1"/></nic></pci>
        </pci>
      </cpu>
      <cpu numaid="1" affinity="00000001,000000ff">
        <pci busid="0000:10:00.0" class="0x030200"><gpu dev="0"><nvlink target="0000:c0:00.0" count="6" tclass="0x068000"/></gpu></pci>
        <pci busid="0000:11:00.0" class="0x120000"><gpu dev="2"><xgmi target="0000:12:00.0" count="1" tclass="0x120000"/></gpu></pci>
        <pci busid="0000:12:00.0" class="0x120000"><gpu dev="3"><xgmi target="0000:11:00.0" count="1" tclass="0x120000"/></gpu></pci>
      </cpu>
      <cpu numaid="-1" affinity="0"><pci busid="0000:90:00.0" class="0x030200"/></cpu>
    </system>
    """

  @Test func readsNodesDevicesAndLinks() throws {
    let topology = try load(machine)
    #expect(topology.nodes.map(\.cpus.description) == ["8-15", "0-7,32"])
    #expect(
      topology.gpus.map(\.busID) == ["0000:10:00.0", "0000:11:00.0", "0000:12:00.0", "0000:90:00.0", "0000:a1:00.0"])
    #expect(topology.gpus.map { $0.numaNodes.first } == [1, 1, 1, nil, 0])
    #expect(!topology.gpus[3].isLocalityKnown)
    #expect(topology.devices.first { $0.kind == .nic }?.names == ["mlx5_&0"])
    #expect(topology.links.map(\.kind) == [.xgmi, .nvlink])
    #expect(topology.gpuPairs.map(\.closeness)[0...3] == [.socket, .socket, .unknown, .nvlink])
  }

  /// As virtual machines show them: a NIC for each GPU, and no bridge that says which.
  @Test func equalNICsAreDividedAmongWorkers() throws {
    func pci(_ id: String, _ kind: String) -> String { "<pci busid=\"\(id):00:00.0\" class=\"\(kind)\"/>" }
    let devices = ["0001", "0002", "0003"].map { pci($0, "0x030200") } + ["0101", "0102"].map { pci($0, "0x020700") }
    let topology = try load("<system><cpu numaid=\"0\" affinity=\"ff\">\(devices.joined())</cpu></system>")
    let workers = NodePlacer.place(topology, NodePlacementRequest()).workers
    #expect(workers.map(\.nic) == ["0101:00:00.0", "0102:00:00.0", "0101:00:00.0"])
  }

  @Test func makersAreNamed() throws {
    let text = ["0x10de", "0x1002", "0x8086", "0x0"].enumerated().map {
      "<pci busid=\"000\($0):00:00.0\" class=\"0x030200\" vendor=\"\($1)\"/>"
    }
    let topology = try load("<system><cpu numaid=\"0\" affinity=\"f\">\(text.joined())</cpu></system>")
    #expect(topology.gpus.map(\.vendor) == [.nvidia, .amd, .intel, nil])
  }

  @Test(arguments: [
    "", "<system", "<system>", "<system></sistem>", "<topology/>", "<system><cpu affinity='xyz'/></system>",
    "<system><cpu affinity='0' affinity='0'/></system>", "<system/><system/>", "<system>&nbsp;</system>",
    "<system a='&nbsp;'/>", "<system><cpu affinity='0'><pci class='0x030200'/></cpu></system>", "<system/>",
  ])
  func refusesWhatItDoesNotUnderstand(_ text: String) {
    #expect(throws: ProbeFailure.self) { try load(text) }
  }

  @Test func depthIsBounded() {
    let text = String(repeating: "<a>", count: 100_000)
    #expect(throws: ProbeFailure.self) { try load("<system>" + text) }
  }

  @Test func everyCutIsAnErrorAndNoCrash() {
    let bytes = Array(machine.utf8)
    for count in stride(from: 0, to: bytes.count - 9, by: 7) {
      #expect(throws: ProbeFailure.self) { try NCCLTopology.document(Array(bytes[..<count])) }
    }
  }

  @Test func aNodeWithoutCPUsInTheFileLendsNone() throws {
    let topology = try load(
      """
      <system version="1">
        <cpu numaid="0"><pci busid="0000:10:00.0" class="0x030200"/></cpu>
        <cpu numaid="1" affinity="f"><pci busid="0000:20:00.0" class="0x030200"/></cpu>
      </system>
      """)
    let placement = NodePlacer.place(topology, NodePlacementRequest(reservedCores: 0, memoryBytes: 1 << 30))
    #expect(placement.workers.map(\.numaNode) == [1, 1])
    #expect(placement.workers.map(\.memoryNode) == [1, 1])
    #expect(placement.warnings.contains(.noAllowedCPUs(near: 0, used: 1)))
    checkInvariants(placement, topology)
  }

  @Test func tellsTheFormats() {
    #expect(TopologyFile.isNCCL(Array(machine.utf8)))
    #expect(!TopologyFile.isNCCL(Array("<?xml version=\"1.0\"?><topology version=\"2.0\"><system/>".utf8)))
  }
}
