import SchedulerCore
import WireProtocol

/// Reads the helper's document into values and refuses what the placement could stumble over.
enum TopologyReader {
  static func read(_ json: JSONValue) throws(ProbeFailure) -> MachineTopology {
    let root = Element(json, at: "")
    guard try root.integer("version") == 1 else { throw .invalid(reason: "/version: expected 1") }
    let nodes = try root.elements("numa_nodes", node)
    for (index, node) in nodes.enumerated()
    where !node.distances.isEmpty && node.distances.count != nodes.count {
      throw .invalid(
        reason: "/numa_nodes/\(index)/distances: expected \(nodes.count) numbers or none")
    }
    // By PCI address, as drivers number them; hwloc lists them by place. Domains beyond 16 bits are longer.
    let devices = try root.elements("pci_devices", device).sorted {
      ($0.busID.utf8.count, $0.busID) < ($1.busID.utf8.count, $1.busID)
    }
    return MachineTopology(
      allowedCPUs: try root.element("machine").list("allowed_cpus"), nodes: nodes,
      cores: try root.elements("cores", core), devices: devices,
      links: try root.elements("links", link))
  }

  private static func node(_ json: Element) throws(ProbeFailure) -> MachineTopology.Node {
    var distances: [Int] = []
    for (index, value) in try json.array("distances").enumerated() {
      guard let value = value.integerValue, value >= 0 else {
        throw json.wrong("distances/\(index)", "a distance")
      }
      distances.append(value)
    }
    return .init(
      osIndex: try json.integer("os_index"), kind: try json.choice("kind"),
      memoryBytes: try json.integer("memory_bytes"),
      cpus: try json.list("cpus"), nearCPUs: try json.list("near_cpus"),
      isAllowed: try json.bool("allowed"),
      distances: distances)
  }

  private static func core(_ json: Element) throws(ProbeFailure) -> MachineTopology.Core {
    .init(package: try json.integer("package"), cpus: try json.list("cpus"))
  }

  private static func device(_ json: Element) throws(ProbeFailure) -> MachineTopology.Device {
    var nodes: [Int] = []
    for (index, value) in try json.array("numa_nodes").enumerated() {
      guard let value = value.integerValue else {
        throw json.wrong("numa_nodes/\(index)", "a node number")
      }
      nodes.append(value)
    }
    return .init(
      busID: try json.string("bus_id"), kind: try json.choice("kind"),
      uuid: json.json["uuid"]?.stringValue,
      model: json.json["model"]?.stringValue, names: try json.strings("names"), numaNodes: nodes,
      isLocalityKnown: try json.string("locality") == "known", cpus: try json.list("cpus"),
      bridges: try json.strings("bridges"), vendor: json.json["vendor_id"]?.stringValue.flatMap(vendor))
  }

  private static func vendor(_ id: String) -> MachineTopology.Device.Vendor? {
    switch id {
    case "10de": .nvidia
    case "1002": .amd
    case "8086": .intel
    default: nil
    }
  }

  private static func link(_ json: Element) throws(ProbeFailure) -> MachineTopology.Link {
    .init(
      kind: try json.choice("kind"), a: try json.string("a"), b: try json.string("b"),
      bandwidthMbS: json.json["bandwidth_mb_s"]?.integerValue)
  }
}
