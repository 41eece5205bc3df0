import SchedulerCore

/// What only drivers know of GPUs: UUIDs where the kernel shows none, and the parts of divided ones. By PCI address.
public struct GPUIdentities: Hashable, Sendable {
  struct Identity: Hashable, Sendable {
    var uuid: String?
    var instances: [String]
  }

  var byAddress: [String: Identity]

  init(byAddress: [String: Identity]) { self.byAddress = byAddress }

  /// Asks the drivers of this machine by a run of the helper. Waits for it, at most until its deadlines.
  public static func ofThisMachine(limits: MonitorLimits = MonitorLimits()) throws(ProbeFailure) -> GPUIdentities {
    GPUIdentities(try GPUDocument(bytes: ProbeRun.output(arguments: ["--gpus", "--stages"], limits: limits)))
  }

  init(_ document: GPUDocument) {
    byAddress = [:]
    for gpu in document.gpus {
      guard let address = gpu.figures["bus_id"]?.value?.stringValue else { continue }
      byAddress[address] = Identity(
        uuid: gpu.figures["uuid"]?.value?.stringValue,
        instances: gpu.rare?.instances.compactMap { $0["uuid"]?.value?.stringValue } ?? [])
    }
  }

  /// The same machine with what the drivers know.
  public func added(to topology: MachineTopology) -> MachineTopology {
    var topology = topology
    for index in topology.devices.indices {
      guard let identity = byAddress[topology.devices[index].busID] else { continue }
      topology.devices[index].uuid = topology.devices[index].uuid ?? identity.uuid
      topology.devices[index].instances = identity.instances
    }
    return topology
  }
}
