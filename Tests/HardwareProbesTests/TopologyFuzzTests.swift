import SchedulerCore
import Testing

@testable import HardwareProbes

/// Machines that nobody thought of: generated files, whole and damaged, through the real helper and the placer.
@Suite struct TopologyFuzzTests {
  /// SplitMix64.
  private struct Random: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
      state &+= 0x9E37_79B9_7F4A_7C15
      var z = state
      z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
      z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
      return z ^ (z >> 31)
    }

    mutating func chance(_ parts: Int) -> Bool { Int.random(in: 0..<parts, using: &self) == 0 }
  }

  private static let subtypes: [String?] = [nil, nil, nil, "DRAM", "HBM", "GPUMemory", "CXL", "NVM", "MCDRAM", "odd"]

  private func machine(_ random: inout Random) -> MachineXML {
    var freeNodes = (0..<80).shuffled(using: &random)
    var freeCPUs = Array(0..<Int.random(in: 96...300, using: &random))
    if random.chance(2) { freeCPUs.shuffle(using: &random) }
    var bus = (1..<250).shuffled(using: &random)
    func device(_ random: inout Random) -> MachineXML.Device {
      let text = String(bus.removeLast(), radix: 16)
      return .init(
        address: (random.chance(4) ? "10001:" : "0000:") + (text.count == 1 ? "0" : "") + text + ":00",
        pciClass: ["0302", "0302", "0300", "1200", "0108", "0200", "0207", "0680"].randomElement(using: &random)!,
        vendor: ["10de", "1002", "8086", "1a03"].randomElement(using: &random)!, name: random.chance(3) ? "dev0" : nil)
    }
    func devices(_ limit: Int, _ random: inout Random) -> [MachineXML.Device] {
      (0..<Int.random(in: 0...limit, using: &random)).map { _ in device(&random) }
    }
    func node(_ random: inout Random) -> MachineXML.Node {
      .init(
        os: freeNodes.removeLast(), subtype: Self.subtypes.randomElement(using: &random)!,
        bytes: random.chance(9) ? 0 : 1 << Int.random(in: 20...42, using: &random))
    }
    let packages = (0..<Int.random(in: 1...4, using: &random)).map { _ in
      MachineXML.Package(
        parts: (0..<Int.random(in: 1...4, using: &random)).map { _ in
          .init(
            nodes: (0..<[1, 1, 1, 2, 3, 0].randomElement(using: &random)!).map { _ in node(&random) },
            cores: (0..<Int.random(in: 1...4, using: &random)).map { _ in
              (0..<Int.random(in: 1...2, using: &random)).map { _ in freeCPUs.removeLast() }
            }, devices: devices(3, &random))
        }, devices: devices(2, &random))
    }
    var machine = MachineXML(packages: packages, devices: devices(2, &random))
    if random.chance(3) { machine.nodes = [node(&random)] }
    let cpus = packages.flatMap(\.parts).flatMap(\.cores).flatMap { $0 }
    let nodes = packages.flatMap(\.parts).flatMap(\.nodes).map(\.os)
    if random.chance(2) { machine.allowedCPUs = cpus.filter { _ in random.chance(2) } }
    if random.chance(2) { machine.allowedNodes = nodes.filter { _ in random.chance(2) } }
    if random.chance(2) { machine.offlineCPUs = Array(freeCPUs.prefix(5)) }
    if random.chance(2) { machine.offlineNodes = Array(freeNodes.prefix(3)) }
    if random.chance(2) {
      machine.distances = (nodes, nodes.map { _ in nodes.map { _ in Int.random(in: 10...255, using: &random) } })
    }
    return machine
  }

  private func place(_ topology: MachineTopology, _ random: inout Random) {
    let request = NodePlacementRequest(
      workers: Int.random(in: 0...12, using: &random), groupSize: Int.random(in: 1...4, using: &random),
      reservedCores: Int.random(in: 0...3, using: &random), memoryBytes: random.chance(3) ? 1 << 30 : 0)
    checkInvariants(NodePlacer.place(topology, request), topology)
  }

  @Test(arguments: 0..<200) func generatedMachines(_ seed: Int) throws {
    var random = Random(state: UInt64(seed))
    let machine = machine(&random)
    // A file that hwloc refuses is an error with words, never a crash of anybody.
    do {
      let document = try machine.document()
      for _ in 0..<5 { place(document.topology, &random) }
      #expect(renderTopology(document.json, width: 80).split(separator: "\n").allSatisfy { $0.count <= 80 })
    } catch let error as ProbeFailure {
      guard case .exited(code: 1, _) = error else {
        Issue.record("seed \(seed): \(error)\n\(machine.text)")
        return
      }
    }
  }

  /// Cut, or with one piece overwritten: hwloc may even abort over it, and that is an error with words too.
  @Test(arguments: 0..<100) func damagedFiles(_ seed: Int) throws {
    var random = Random(state: 1_000 + UInt64(seed))
    var text = Array(machine(&random).text.utf8)
    if random.chance(2) {
      text.removeLast(Int.random(in: 1..<text.count, using: &random))
    } else {
      for _ in 0..<Int.random(in: 1...4, using: &random) {
        text[Int.random(in: 0..<text.count, using: &random)] = UInt8.random(in: 0...127, using: &random)
      }
    }
    let tree = try FixtureTree(["machine.xml": String(decoding: text, as: UTF8.self)])
    let path = try BuiltProbe.path ?? HelperPath.find().get()
    do throws(ProbeFailure) {
      let bytes = try ProbeRun.output(
        path: path, arguments: ["--topology-xml", tree.root.path + "/machine.xml"], limits: MonitorLimits())
      place(try TopologyDocument(bytes: bytes).topology, &random)
    } catch {
      switch error {
      case .exited(code: 1, _), .signalled, .invalid: #expect(!error.description.isEmpty)
      default: Issue.record("seed \(seed): \(error)")
      }
    }
  }
}
