import SchedulerCore
import WireProtocol

/// The part of the snapshot that says what the helper found and how old that is.
enum TopologyFigures {
  static func tree(_ refresher: TopologyRefresher, _ nowMs: Int) -> SnapshotTree {
    let topology = refresher.document?.topology
    let status = refresher.status(nowMs: nowMs)
    func leaf(_ value: JSONValue?) -> SnapshotTree {
      .leaf(Figure(value: value, status: status, readMs: refresher.readMs, staleAfterMs: .max))
    }
    func count(_ kind: MachineTopology.Device.Kind) -> JSONValue? {
      topology.map { topology in JSONValue(topology.devices.count { $0.kind == kind }) }
    }
    let failure = Figure(
      value: refresher.failure.map { .string($0.description) },
      status: refresher.failure == nil ? .unsupported : .ok,
      readMs: nowMs, staleAfterMs: .max)
    return .object([
      .init("packages", leaf(topology.map { JSONValue(Set($0.cores.map(\.package)).count) })),
      .init("cores", leaf(topology.map { JSONValue($0.cores.count) })),
      .init("numa_nodes", leaf(topology.map { JSONValue($0.nodes.count) })),
      .init("gpus", leaf(count(.gpu))),
      .init("nics", leaf(count(.nic))), .init("nvme_disks", leaf(count(.nvme))),
      .init("links", leaf(topology.map { JSONValue($0.links.count) })),
      .init("failure", .leaf(failure)),
    ])
  }
}
