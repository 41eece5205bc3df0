import SchedulerCore
import Testing

@testable import HardwareProbes

/// What goes wrong on real machines, each in a file of our own making, with the placement that is expected.
@Suite struct TopologyTrapTests {
  /// Cores of two threads: 4 cores from `first`, siblings 32 further on.
  private func cores(_ first: Int, count: Int = 4) -> [[Int]] { (first..<first + count).map { [$0, $0 + 32] } }

  private func gpu(_ address: String) -> MachineXML.Device { .init(address: address) }

  private func place(_ machine: MachineXML, _ request: NodePlacementRequest = NodePlacementRequest(reservedCores: 0))
    throws -> NodePlacement
  {
    let topology = try machine.document().topology
    let placement = NodePlacer.place(topology, request)
    checkInvariants(placement, topology)
    return placement
  }

  private func nodes(_ placement: NodePlacement) -> [Int] { placement.workers.map { $0.numaNode ?? -1 } }

  private func memory(_ placement: NodePlacement) -> [Int] { placement.workers.map { $0.memoryNode ?? -1 } }

  @Test func nodeNumbersArePowersOfTwoAndNotDense() throws {
    let ids = [1, 2, 4, 8, 16, 32, 64, 128]
    let machine = MachineXML(
      packages: ids.enumerated().map { index, id in
        .init(parts: [
          .init(
            nodes: [.init(os: id)], cores: [[2 * index], [2 * index + 1]],
            devices: [gpu("0000:\(10 + 7 - index):00")])
        ])
      })
    let topology = try machine.document().topology
    #expect(topology.nodes.map(\.osIndex) == ids)
    let placement = try place(machine)
    #expect(nodes(placement) == ids.reversed())
    #expect(memory(placement) == ids.reversed())
    #expect(placement.workers[0].cpus.description == "14-15")
  }

  @Test func offlineNodesAndCPUsAreNobodysHome() throws {
    let machine = MachineXML(
      packages: [
        .init(parts: [
          .init(nodes: [.init(os: 0)], cores: [[0], [2]], devices: [gpu("0000:10:00")])
        ]),
        .init(parts: [
          .init(nodes: [.init(os: 4)], cores: [[9, 41]], devices: [gpu("0000:80:00")])
        ]),
      ], offlineCPUs: [1, 3, 8, 40], offlineNodes: [2, 3])
    let placement = try place(machine)
    #expect(try machine.document().topology.nodes.map(\.osIndex) == [0, 4])
    #expect(nodes(placement) == [0, 4])
    #expect(placement.workers.map(\.cpus.description) == ["0,2", "9,41"])
  }

  @Test func theOrderOfPCIAddressesIsNotThatOfNodes() throws {
    // Lowest addresses on the last node, as on Rome machines.
    let machine = MachineXML(
      packages: (0..<4).map { index in
        .init(parts: [
          .init(
            nodes: [.init(os: index)], cores: cores(4 * index),
            devices: [gpu("0000:\(40 - 10 * index + 3):00"), gpu("0000:\(40 - 10 * index):00")])
        ])
      })
    let placement = try place(machine)
    #expect(placement.workers.map { $0.busID ?? "" }.sorted() == placement.workers.map { $0.busID ?? "" })
    #expect(nodes(placement) == [3, 3, 2, 2, 1, 1, 0, 0])
    #expect(memory(placement) == nodes(placement))
  }

  @Test func unknownLocalityIsBoundNowhere() throws {
    let machine = MachineXML(
      packages: [
        .init(parts: [.init(nodes: [.init(os: 0)], cores: cores(0), devices: [gpu("0000:30:00")])]),
        .init(parts: [.init(nodes: [.init(os: 1)], cores: cores(4))]),
      ], devices: [gpu("0000:20:00"), gpu("0000:40:00")])
    let placement = try place(machine)
    #expect(nodes(placement) == [-1, 0, -1])
    #expect(memory(placement) == [-1, 0, -1])
    #expect(placement.warnings.count { $0.code == "locality_unknown" } == 2)
    #expect(placement.pairs.allSatisfy { $0.closeness == .unknown })
  }

  /// Each GPU of a divided socket states all of its nodes: the workers spread, and none straddles two.
  @Test func aSocketOfSeveralNodesIsDividedAmongItsGPUs() throws {
    let machine = MachineXML(
      packages: (0..<2).map { index in
        .init(
          parts: [
            .init(nodes: [.init(os: 2 * index)], cores: cores(8 * index)),
            .init(nodes: [.init(os: 2 * index + 1)], cores: cores(8 * index + 4)),
          ], devices: (0..<4).map { gpu("0000:\(index + 1)\($0):00") })
      })
    let placement = try place(machine)
    #expect(nodes(placement) == [0, 1, 0, 1, 2, 3, 2, 3])
    #expect(memory(placement) == [0, 1, 0, 1, 2, 3, 2, 3])
    #expect(placement.workers[0].cpus.description == "0-1,32-33")
    #expect(placement.workers[0].reasons.contains(.gpuNearNodes(count: 2, used: 0)))
    #expect(placement.warnings.isEmpty)
  }

  @Test func highBandwidthMemoryWithoutASubtypeHoldsNoHostMemory() throws {
    // As on processors that show their HBM flat: nodes 0 to 3 with CPUs, 4 to 7 the HBM beside them, nameless.
    let machine = MachineXML(
      packages: (0..<2).map { index in
        .init(
          parts: (0..<2).map { half in
            let node = 2 * index + half
            return .init(
              nodes: [.init(os: node, bytes: 1 << 37), .init(os: node + 4, bytes: 1 << 34)], cores: cores(4 * node),
              devices: [gpu("0000:\(node + 1)0:00")])
          })
      })
    let topology = try machine.document().topology
    #expect(topology.nodes.map(\.cpus.isEmpty) == [false, false, false, false, true, true, true, true])
    #expect(topology.nodes[4...].allSatisfy { $0.kind == .unknown })
    let placement = try place(machine)
    #expect(nodes(placement) == [0, 1, 2, 3])
    #expect(memory(placement) == [0, 1, 2, 3])
  }

  @Test func processorsThatHaveNothingButHBMRunFromIt() throws {
    let machine = MachineXML(
      packages: [0, 1].map {
        .init(parts: [
          .init(nodes: [.init(os: $0, subtype: "HBM")], cores: cores(4 * $0), devices: [gpu("0000:\($0 + 1)0:00")])
        ])
      })
    let placement = try place(machine)
    #expect(nodes(placement) == [0, 1])
    #expect(memory(placement) == [0, 1])
  }

  @Test func memoryOfGPUsAndExpandersIsNoHostMemory() throws {
    let machine = MachineXML(
      packages: [
        .init(parts: [
          .init(
            nodes: [.init(os: 0), .init(os: 1, subtype: "GPUMemory"), .init(os: 9, subtype: "CXL")], cores: cores(0),
            devices: [gpu("0008:01:00")])
        ]),
        .init(parts: [
          .init(
            nodes: [.init(os: 3), .init(os: 4, subtype: "GPUMemory")], cores: cores(4), devices: [gpu("0009:01:00")])
        ]),
      ], allowedNodes: [1, 3, 4, 9])
    let placement = try place(machine)
    #expect(nodes(placement) == [0, 3])
    // Node 0 is barred: the other processor's memory, not the GPU's and not the expander's.
    #expect(memory(placement) == [3, 3])
  }

  @Test func restrictedCPUsLeadToTheNearestNodeThatHasSome() throws {
    let machine = MachineXML(
      packages: (0..<4).map {
        .init(parts: [
          .init(nodes: [.init(os: $0)], cores: cores(4 * $0), devices: [gpu("0000:\($0 + 1)0:00")])
        ])
      }, allowedCPUs: [4, 5, 36, 14], allowedNodes: [1, 3],
      distances: (
        nodes: [0, 1, 2, 3], rows: [[10, 12, 32, 32], [12, 10, 32, 32], [32, 32, 10, 12], [32, 32, 12, 10]]
      ))
    let placement = try place(machine)
    #expect(nodes(placement) == [1, 1, 3, 3])
    #expect(memory(placement) == [1, 1, 3, 3])
    #expect(placement.workers.map(\.cpus.description) == ["4,36", "5", "14", "14"])
    #expect(placement.warnings.contains(.noAllowedCPUs(near: 0, used: 1)))
  }

  @Test func aNodeWithoutMemoryHasWorkersButHoldsNone() throws {
    let machine = MachineXML(
      packages: (0..<3).map {
        .init(parts: [
          .init(
            nodes: [.init(os: $0, bytes: $0 == 1 ? 0 : 1 << 36)], cores: cores(4 * $0),
            devices: [gpu("0000:\($0 + 1)0:00")])
        ])
      }, distances: (nodes: [0, 1, 2], rows: [[10, 20, 30], [20, 10, 15], [30, 15, 10]]))
    let placement = try place(machine)
    #expect(nodes(placement) == [0, 1, 2])
    #expect(memory(placement) == [0, 2, 2])
    #expect(placement.workers[1].reasons.contains(.memoryRemote(node: 2, distance: 15)))
  }

  @Test func memoryBesideNoCPUIsNobodysHome() throws {
    let machine = MachineXML(
      packages: [
        .init(parts: [.init(nodes: [.init(os: 5)], cores: cores(0), devices: [gpu("0000:10:00")])]),
        .init(parts: [.init(nodes: [.init(os: 6)], cores: cores(4), devices: [gpu("0000:20:00")])]),
      ], nodes: [.init(os: 7, bytes: 1 << 40)])
    #expect(nodes(try place(machine)) == [5, 6])
    #expect(memory(try place(machine)) == [5, 6])
  }

  @Test(arguments: 1...16) func syntheticMachinesOfUpToSixteenNodes(_ count: Int) throws {
    for text in [
      "pack:\(count) [numa(memory=1073741824)] l3:1 core:3 pu:2",
      "pack:1 group:\(count) [numa(memory=1073741824)] core:2 pu:1",
      "pack:\(count) [numa(memory=1073741824)] [numa(memory=268435456)] core:2 pu:2",
    ] {
      let topology = try BuiltProbe.document("--topology-synthetic", text).topology
      let host = topology.nodes.filter { !$0.cpus.isEmpty }.map(\.osIndex)
      #expect(host.count == count, "\(text)")
      let placement = NodePlacer.place(topology, NodePlacementRequest(workers: count))
      #expect(nodes(placement) == host, "\(text)")
      checkInvariants(placement, topology)
    }
  }
}
