import SchedulerCore
import Testing
import WireProtocol

@testable import HardwareProbes

/// Links between GPUs come from the driver where the topology has none.
@Suite struct GPULinkTests {
  @Test func linksOfTheDriverJoinTheTopology() throws {
    let machine = MachineXML(packages: [
      .init(parts: [
        .init(
          nodes: [.init(os: 0)], cores: [[0], [1]],
          devices: [.init(address: "0000:10:00"), .init(address: "0000:20:00"), .init(address: "0000:30:00")])
      ])
    ])
    let document = try machine.document()
    #expect(document.nvidiaGPUs == ["0000:10:00.0", "0000:20:00.0", "0000:30:00.0"])
    #expect(document.topology.gpuPairs.map(\.closeness) == [.socket, .socket, .socket])
    let link = MachineTopology.Link(kind: .nvlink, a: "0000:10:00.0", b: "0000:30:00.0", bandwidthMbS: 450_000)
    let joined = document.adding([link])
    #expect(joined.topology.gpuPairs.map(\.closeness) == [.socket, .nvlink, .socket])
    // The document says the same as the values.
    #expect(try TopologyDocument(json: joined.json) == joined)
    let placement = NodePlacer.place(joined.topology, NodePlacementRequest(workers: 2, groupSize: 2))
    #expect(placement.workers.map(\.gpu) == [0, 2])
    #expect(joined.adding([]) == joined)
  }
}
