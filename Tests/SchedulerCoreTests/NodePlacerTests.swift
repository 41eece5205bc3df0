import SchedulerCore
import Testing

/// Small machines that cover what goes wrong on real ones.
@Suite struct NodePlacerTests {
  /// Nodes of four cores with two threads each: node i has CPUs 4i to 4i+3 and their siblings `siblings` further on.
  private func machine(
    nodes: Int, gpusOn: [Int?] = [], allowed: IDList? = nil, ids: [Int]? = nil,
    change: (inout MachineTopology) -> Void = { _ in }
  ) -> MachineTopology {
    let siblings = 4 * nodes
    let ids = ids ?? Array(0..<nodes)
    func cpus(_ node: Int) -> IDList {
      IDList((0..<4).flatMap { [4 * node + $0, siblings + 4 * node + $0] })
    }
    var topology = MachineTopology(
      allowedCPUs: allowed ?? IDList(0..<8 * nodes),
      nodes: (0..<nodes).map { node in
        .init(
          osIndex: ids[node], kind: .dram, memoryBytes: 1_000, cpus: cpus(node), nearCPUs: cpus(node), isAllowed: true,
          distances: (0..<nodes).map { 10 + 10 * abs($0 - node) })
      },
      cores: (0..<nodes).flatMap { node in
        (0..<4).map { .init(package: node, cpus: IDList([4 * node + $0, siblings + 4 * node + $0])) }
      }, devices: [], links: [])
    for (index, node) in gpusOn.enumerated() {
      topology.devices.append(
        .init(
          busID: "0000:0\(index):00.0", kind: .gpu, uuid: "GPU-\(index)abcd", numaNodes: node.map { [ids[$0]] } ?? ids,
          isLocalityKnown: node != nil, cpus: node.map(cpus) ?? topology.allowedCPUs,
          bridges: ["host:0\(node ?? 9)"]))
    }
    change(&topology)
    return topology
  }

  private func codes(_ reasons: [NodePlacementReason]) -> [String] { reasons.map(\.code) }

  @Test func dividesTheCoresNearEachGPU() {
    let placement = NodePlacer.place(
      machine(nodes: 2, gpusOn: [0, 0, 1, 1]), NodePlacementRequest(reservedCores: 0))
    #expect(placement.workers.map(\.cpus.description) == ["0-1,8-9", "2-3,10-11", "4-5,12-13", "6-7,14-15"])
    #expect(placement.workers.map(\.numaNode) == [0, 0, 1, 1])
    #expect(placement.workers.map(\.memoryBytes) == [500, 500, 500, 500])
    #expect(placement.warnings.isEmpty)
    #expect(placement.isGainExpected)
  }

  @Test func leavesRoomForTheSidecar() {
    let placement = NodePlacer.place(machine(nodes: 2, gpusOn: [0, 1]), NodePlacementRequest())
    #expect(placement.reservedCPUs.description == "3,11")
    #expect(placement.workers.map(\.cpus.count) == [6, 8])
    // A core that no GPU is near to is room enough.
    let other = NodePlacer.place(machine(nodes: 2, gpusOn: [0]), NodePlacementRequest())
    #expect(other.workers[0].cpus.description == "0-3,8-11")
    #expect(other.reservedCPUs.description == "4-7,12-15")
  }

  @Test func theOrderOnPCIIsNotTheOrderOfNodes() {
    let placement = NodePlacer.place(
      machine(nodes: 4, gpusOn: [3, 1, 0, 2]), NodePlacementRequest(reservedCores: 0))
    #expect(placement.workers.map(\.numaNode) == [3, 1, 0, 2])
    #expect(placement.workers.map(\.memoryNode) == [3, 1, 0, 2])
  }

  @Test func nodeNumbersMayHaveGaps() {
    let placement = NodePlacer.place(
      machine(nodes: 2, gpusOn: [1, 0], ids: [0, 8]), NodePlacementRequest(reservedCores: 0))
    #expect(placement.workers.map(\.numaNode) == [8, 0])
    #expect(placement.workers.map(\.memoryNode) == [8, 0])
  }

  @Test func unknownLocalityIsNotNodeZero() {
    let topology = machine(nodes: 2, gpusOn: [0, nil])
    let placement = NodePlacer.place(topology, NodePlacementRequest(reservedCores: 0))
    #expect(placement.workers[1].numaNode == nil)
    #expect(placement.workers[1].memoryNode == nil)
    #expect(placement.workers[1].cpus == topology.allowedCPUs.subtracting(placement.workers[0].cpus))
    #expect(codes(placement.warnings) == ["locality_unknown"])
    #expect(placement.pairs[0].closeness == .unknown)
  }

  @Test func restrictedCPUsAreRespected() {
    let topology = machine(nodes: 2, gpusOn: [0, 1], allowed: IDList("1,4-5,12") ?? IDList())
    let placement = NodePlacer.place(topology, NodePlacementRequest(reservedCores: 0))
    #expect(placement.workers.map(\.cpus.description) == ["1", "4-5,12"])
  }

  @Test func aNodeWithoutUsableCPUsGetsNoWorker() {
    let topology = machine(nodes: 3, gpusOn: [0, 2], allowed: IDList("4-7") ?? IDList())
    let placement = NodePlacer.place(topology, NodePlacementRequest(reservedCores: 0))
    #expect(placement.workers.map(\.numaNode) == [1, 1])
    #expect(placement.workers.map(\.cpus.description) == ["4-5", "6-7"])
    // Memory stays near the GPU: its node may still be allocated on.
    #expect(placement.workers.map(\.memoryNode) == [0, 2])
    #expect(codes(placement.warnings) == ["no_allowed_cpus", "no_allowed_cpus"])
  }

  @Test func moreWorkersThanCoresShareAndSaySo() {
    let topology = machine(nodes: 1, gpusOn: [0, 0, 0], allowed: IDList("0-1") ?? IDList())
    let placement = NodePlacer.place(topology, NodePlacementRequest())
    #expect(placement.workers.map(\.cpus.description) == ["0-1", "0-1", "0-1"])
    #expect(codes(placement.warnings) == ["cores_shared"])
  }

  @Test func hostMemoryIsNeverAGPUsOrABarredOne() {
    let topology = machine(nodes: 3, gpusOn: [0, 1]) { topology in
      topology.nodes[0].isAllowed = false
      topology.nodes.append(
        .init(
          osIndex: 9, kind: .gpu, memoryBytes: 99_999, cpus: IDList(), nearCPUs: topology.nodes[0].cpus,
          isAllowed: true, distances: [5, 5, 5, 10]))
      for index in 0..<3 { topology.nodes[index].distances.append(5) }
    }
    let placement = NodePlacer.place(topology, NodePlacementRequest(reservedCores: 0))
    #expect(placement.workers.map(\.memoryNode) == [1, 1])
    #expect(placement.workers[0].reasons.contains(.memoryRemote(node: 1, distance: 20)))
    #expect(placement.workers.map(\.memoryBytes) == [500, 500])
  }

  @Test func aFullNodeIsPassedOver() {
    let request = NodePlacementRequest(reservedCores: 0, freeBytes: [0: 100, 1: 900], memoryBytes: 400)
    let placement = NodePlacer.place(machine(nodes: 2, gpusOn: [0]), request)
    #expect(placement.workers[0].numaNode == 0)
    #expect(placement.workers[0].memoryNode == 1)
  }

  @Test func theScoreIsTheDistanceThatIsSaved() {
    // Distances 10 and 20: unbound 15 on the average, bound 10.
    let two = NodePlacer.place(machine(nodes: 2, gpusOn: [0, 1]), NodePlacementRequest())
    #expect(two.savedDistancePercent == 33)
    // Node 0 of four: 10, 20, 30, 40.
    let four = NodePlacer.place(machine(nodes: 4, gpusOn: [0]), NodePlacementRequest())
    #expect(four.savedDistancePercent == 60)
    let unstated = machine(nodes: 2, gpusOn: [0]) { topology in
      for index in topology.nodes.indices { topology.nodes[index].distances = [] }
    }
    #expect(NodePlacer.place(unstated, NodePlacementRequest()).savedDistancePercent == 33)
    let nowhere = NodePlacer.place(machine(nodes: 2, gpusOn: [nil]), NodePlacementRequest())
    #expect(nowhere.savedDistancePercent == 0)
  }

  @Test func oneNodeIsHonest() {
    let placement = NodePlacer.place(machine(nodes: 1, gpusOn: [0]), NodePlacementRequest())
    #expect(placement.savedDistancePercent == 0)
    #expect(!placement.isGainExpected)
    #expect(placement.workers[0].reasons.contains(.singleNode))
  }

  @Test func groupsAreNearToEachOther() {
    // 0 and 2 are linked, 1 and 3 share a switch.
    let topology = machine(nodes: 2, gpusOn: [0, 1, 0, 1]) { topology in
      topology.links = [.init(kind: .nvlink, a: "0000:02:00.0", b: "0000:00:00.0", bandwidthMbS: 40_000)]
      topology.devices[1].bridges.insert("0000:80:00.0", at: 0)
      topology.devices[3].bridges.insert("0000:80:00.0", at: 0)
    }
    let placement = NodePlacer.place(topology, NodePlacementRequest(workers: 4, groupSize: 2))
    #expect(placement.workers.map(\.gpu) == [0, 2, 1, 3])
    #expect(placement.workers.map(\.group) == [0, 0, 1, 1])
    #expect(placement.workers[0].reasons.contains(.group(closeness: .nvlink)))
    #expect(placement.workers[2].reasons.contains(.group(closeness: .pcieSwitch)))
    #expect(
      placement.pairs.map(\.closeness) == [
        .crossSocket, .nvlink, .crossSocket, .crossSocket, .pcieSwitch, .crossSocket,
      ])
  }

  @Test func chosenGPUsInTheirOrder() {
    let request = NodePlacementRequest(gpus: ["0000:01:00.0", "0000:00:00.0"])
    let placement = NodePlacer.place(machine(nodes: 2, gpusOn: [0, 1]), request)
    #expect(placement.workers.map(\.gpu) == [1, 0])
    #expect(placement.workers.map(\.numaNode) == [1, 0])
  }

  @Test func askingForMoreThanThereIsSaysSo() {
    let placement = NodePlacer.place(machine(nodes: 2, gpusOn: [0, 1]), NodePlacementRequest(workers: 4))
    #expect(placement.workers.count == 2)
    #expect(placement.warnings.contains(.fewerGPUs(asked: 4, found: 2)))
    let without = NodePlacer.place(machine(nodes: 2), NodePlacementRequest(workers: 2))
    #expect(without.workers.map(\.numaNode) == [0, 1])
    #expect(codes(without.warnings) == ["no_gpus"])
  }

  @Test func namesOfGPUs() throws {
    let gpus = machine(nodes: 2, gpusOn: [0, 1]).gpus
    for name in ["1", "0000:01:00.0", "01:00.0", "00000000:01:00.0", "GPU-1abcd", "GPU-1"] {
      #expect(try GPUSelection.find(name, in: gpus).busID == "0000:01:00.0", "\(name)")
    }
    for name in ["2", "-1", "", "GPU-", "0001:01:00.0", "cuda:0"] {
      #expect(throws: GPUSelection.Unknown.self) { try GPUSelection.find(name, in: gpus) }
    }
  }

  @Test(arguments: 0..<300) func anyMachine(_ seed: Int) {
    var random = SplitMix(state: UInt64(seed))
    let nodes = random.below(5) + 1
    let gpus = (0..<random.below(9)).map { _ in random.below(6) == 0 ? nil : random.below(nodes) }
    let allowed = IDList((0..<8 * nodes).filter { _ in random.below(3) > 0 })
    let topology = machine(nodes: nodes, gpusOn: gpus, allowed: allowed) { topology in
      for index in topology.nodes.indices where random.below(4) == 0 { topology.nodes[index].isAllowed = false }
      if random.below(3) == 0 { for index in topology.nodes.indices { topology.nodes[index].distances = [] } }
    }
    let request = NodePlacementRequest(
      workers: random.below(10), groupSize: random.below(4) + 1, reservedCores: random.below(3),
      memoryBytes: random.below(2) * 1_001)
    let placement = NodePlacer.place(topology, request)
    #expect(placement == NodePlacer.place(topology, request), "seed \(seed)")
    let shared = placement.warnings.contains { $0.code == "cores_shared" }
    var used = IDList()
    for worker in placement.workers {
      #expect(worker.cpus.isSubset(of: allowed), "seed \(seed)")
      if let id = worker.numaNode {
        let node = topology.nodes.first { $0.osIndex == id }
        #expect(!worker.cpus.isEmpty && worker.cpus.isSubset(of: node?.cpus ?? IDList()), "seed \(seed)")
        #expect(shared || used.intersection(worker.cpus).isEmpty, "seed \(seed)")
        used = used.union(worker.cpus)
      }
      if let id = worker.memoryNode {
        #expect(topology.nodes.first { $0.osIndex == id }?.isAllowed == true, "seed \(seed)")
      }
    }
    #expect(placement.reservedCPUs.intersection(used).isEmpty, "seed \(seed)")
  }

  private struct SplitMix {
    var state: UInt64

    mutating func below(_ bound: Int) -> Int {
      state &+= 0x9E37_79B9_7F4A_7C15
      var z = state
      z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
      z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
      return Int((z ^ (z >> 31)) % UInt64(bound))
    }
  }
}
