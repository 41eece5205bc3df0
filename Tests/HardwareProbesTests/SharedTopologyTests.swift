import Foundation
import SchedulerCore
import Testing

@testable import HardwareProbes

/// Descriptions of real machines beside the repository, where somebody put them.
@Suite struct SharedTopologyTests {
  static let folder = URL(filePath: #filePath).resolvingSymlinksInPath().deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    .appending(path: "shared/topologies")

  struct Machine: CustomTestStringConvertible {
    var file: String
    /// The near node of each GPU, in PCI order.
    var nodes: [Int]
    /// What is between the first GPU and each of the others.
    var fromFirst: [GPUCloseness]
    var testDescription: String { file }
  }

  static let machines = [
    Machine(
      file: "made-hgx-h100-2p2n-8gpu-nvswitch.xml", nodes: [0, 0, 0, 0, 1, 1, 1, 1],
      fromFirst: .init(repeating: .nvlink, count: 7)),
    Machine(
      file: "made-gb200-2p6n-4gpu-gpumemnodes.xml", nodes: [0, 0, 3, 3], fromFirst: [.nvlink, .nvlink, .nvlink]),
    Machine(
      file: "llnl-tioga-1p4n-8xmi250x.xml", nodes: [3, 3, 1, 1, 0, 0, 2, 2],
      fromFirst: .init(repeating: .xgmi, count: 7)),
    Machine(
      file: "llnl-g4dnmetal-2p2n-8xt4.xml", nodes: [0, 0, 0, 0, 1, 1, 1, 1],
      fromFirst: [.socket, .socket, .socket, .crossSocket, .crossSocket, .crossSocket, .crossSocket]),
    Machine(
      file: "hwloc-dgx2h-2p2n-16xv100-nvswitch-restricted.xml",
      nodes: .init(repeating: 0, count: 8) + .init(repeating: 1, count: 8),
      fromFirst: .init(repeating: .nvswitch, count: 15)),
    Machine(
      file: "hwloc-power8-2p2n-4xp100-nvlink.xml", nodes: [0, 0, 1, 1],
      fromFirst: [.nvlink, .crossSocket, .crossSocket]),
    Machine(
      file: "hwloc-power9-2p2n+6gpunumanodes.xml", nodes: [0, 0, 0, 8, 8, 8],
      fromFirst: [.socket, .socket, .crossSocket, .crossSocket, .crossSocket]),
    Machine(
      file: "nccl-azure-ndv4-8xa100-4numa.xml", nodes: [1, 1, 0, 0, 3, 3, 2, 2],
      fromFirst: [.pcieSwitch] + .init(repeating: .crossSocket, count: 6)),
    Machine(file: "nccl-azure-ndv5-8xh100-2numa.xml", nodes: [0, 0, 0, 0, 1, 1, 1, 1], fromFirst: []),
    Machine(
      file: "nccl-rccl-8xmi300x-2numa-xgmi.xml", nodes: [0, 0, 0, 0, 1, 1, 1, 1],
      fromFirst: .init(repeating: .xgmi, count: 7)),
    Machine(file: "hwloc-fake-heteromemtiers-dram-hbm-nvm.xml", nodes: [], fromFirst: []),
  ]

  private func load(_ machine: Machine) throws -> TopologyDocument {
    let path = Self.folder.appending(path: machine.file).path
    let bytes = try TopologyFile.bytes(path)
    if TopologyFile.isNCCL(bytes) { return try TopologyDocument(json: NCCLTopology.document(bytes)) }
    return try BuiltProbe.document("--topology-xml", path)
  }

  @Test(.enabled(if: FileManager.default.fileExists(atPath: folder.path)), arguments: machines)
  func gpusAndTheirNodes(_ machine: Machine) throws {
    let topology = try load(machine).topology
    #expect(topology.gpus.map { $0.numaNodes.first ?? -1 } == machine.nodes)
    let first = topology.gpuPairs.prefix(max(0, machine.nodes.count - 1)).map(\.closeness)
    if !machine.fromFirst.isEmpty { #expect(first == machine.fromFirst) }
  }

  @Test(.enabled(if: FileManager.default.fileExists(atPath: folder.path)), arguments: machines)
  func everyWorkerIsBoundToWhereItBelongs(_ machine: Machine) throws {
    let topology = try load(machine).topology
    let placement = NodePlacer.place(topology, NodePlacementRequest())
    guard !machine.nodes.isEmpty else { return }
    #expect(placement.workers.map { $0.numaNode ?? -1 } == machine.nodes)
    #expect(placement.workers.map { $0.memoryNode ?? -1 } == machine.nodes)
    #expect(placement.workers.allSatisfy { !$0.cpus.isEmpty && $0.cpus.isSubset(of: topology.allowedCPUs) })
    checkInvariants(placement, topology)
  }

  @Test(.enabled(if: FileManager.default.fileExists(atPath: folder.path)), arguments: machines)
  func picturesKeepToTheWidth(_ machine: Machine) throws {
    let document = try load(machine)
    let placement = NodePlacer.place(document.topology, NodePlacementRequest())
    for page in [renderTopology(document.json, width: 80), renderPlacement(placement, width: 80)] {
      #expect(page.split(separator: "\n").allSatisfy { $0.count <= 80 })
    }
  }
}
