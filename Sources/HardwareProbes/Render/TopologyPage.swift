import SchedulerCore
import WireProtocol

/// Renders a topology document (Schemas/topology-v1.json) for a terminal: packages, their memory and caches, and the
/// devices beside the node that they are near to. A document that is not understood is shown as it is.
public func renderTopology(_ json: JSONValue, width: Int) -> String {
  do throws(ProbeFailure) {
    return TopologyPage(try TopologyDocument(json: json), width: width).text
  } catch {
    return json.pretty() + "\n"
  }
}

/// The picture of one machine.
struct TopologyPage {
  private let json: JSONValue
  private let topology: MachineTopology
  private var page: Page

  init(_ document: TopologyDocument, width: Int) {
    json = document.json
    topology = document.topology
    page = Page(width: width)
    machine()
    for (index, package) in packages.enumerated() { add(package, index) }
    leftovers()
    distances()
    links()
  }

  var text: String { page.text }

  private var packages: [JSONValue] { json["packages"]?.arrayValue ?? [] }

  private func cpus(_ json: JSONValue) -> IDList {
    json["cpus"]?.stringValue.flatMap { IDList($0) } ?? IDList()
  }

  // MARK: - Sections

  private mutating func machine() {
    let machine = json["machine"]
    let names = ["hostname", "architecture"].compactMap { machine?[$0]?.stringValue }
    let kernel = machine?["kernel"]?.stringValue.map { ["Linux \($0)"] } ?? []
    page.add((names + kernel).isEmpty ? "Machine" : (names + kernel).joined(separator: ", "))
    let all = machine?["cpus"]?.stringValue.flatMap { IDList($0) } ?? IDList()
    var parts = [
      Quantities.count(topology.cores.count, "core"), Quantities.count(all.count, "CPU"),
      Quantities.bytes(machine?["memory_bytes"]?.integerValue ?? 0),
      Quantities.count(topology.nodes.count, "NUMA node"),
    ]
    for (kind, name) in [
      (MachineTopology.Device.Kind.gpu, "GPU"), (.nic, "NIC"), (.nvme, "NVMe disk"),
    ] {
      let count = topology.devices.count { $0.kind == kind }
      if count > 0 { parts.append(Quantities.count(count, name)) }
    }
    page.add(parts.joined(separator: ", "))
    if topology.allowedCPUs != all {
      page.add(
        "This process may use \(topology.allowedCPUs.count) of them: CPUs \(topology.allowedCPUs)")
    }
    if let status = json["status"]?.stringValue, status != "ok" {
      page.add(
        "These are \(status) values, read \(Quantities.age(ms: json["age_ms"]?.integerValue ?? 0)) ago."
      )
    }
  }

  private mutating func add(_ package: JSONValue, _ index: Int) {
    let cpus = cpus(package)
    page.add()
    let model = package["model"]?.stringValue.map { "\($0), " } ?? ""
    page.add(
      "Package \(package["index"]?.integerValue ?? index)",
      model + Quantities.count(package["cores"]?.integerValue ?? 0, "core") + ", CPUs \(cpus)")
    for node in topology.nodes where belongs(node, to: cpus) { add(node) }
  }

  private func belongs(_ node: MachineTopology.Node, to package: IDList) -> Bool {
    let near = node.cpus.isEmpty ? node.nearCPUs : node.cpus
    guard let first = near.first else { return false }
    return package.contains(first)
  }

  private mutating func add(_ node: MachineTopology.Node) {
    let kind =
      node.kind == .gpu
      ? "GPU memory" : node.kind == .unknown ? "memory" : node.kind.rawValue.uppercased()
    let barred = node.isAllowed ? "" : ", not allowed"
    let place = node.cpus.isEmpty ? "no CPUs of its own" : "CPUs \(node.cpus)"
    page.add(
      "  node \(node.osIndex)", "\(kind) \(Quantities.bytes(node.memoryBytes)), \(place)\(barred)")
    let caches = CacheSummary(json["caches"]?.arrayValue ?? [], within: node.cpus).text
    if !caches.isEmpty { page.add("", caches) }
    for device in topology.devices
    where device.isLocalityKnown && device.numaNodes.first == node.osIndex {
      add(device)
    }
  }

  private mutating func add(_ device: MachineTopology.Device) {
    let title =
      ["gpu": "GPU", "nic": "NIC", "nvme": "NVMe", "nvswitch": "NVSwitch"][device.kind.rawValue]
      ?? ""
    let names = device.names.isEmpty ? "" : " " + device.names.joined(separator: ",")
    let model = device.model.map { " " + $0 } ?? ""
    let more = device.numaNodes.count > 1 ? ", near nodes \(IDList(device.numaNodes))" : ""
    page.add(
      Page.left(title, 8) + " " + device.busID + names + model + more, indent: Page.labelWidth)
  }

  /// What stands beside no package: devices of unknown place, nodes of a machine that states no packages.
  private mutating func leftovers() {
    let covered = packages.map { cpus($0) }
    let nodes = topology.nodes.filter { node in !covered.contains { belongs(node, to: $0) } }
    if !nodes.isEmpty { page.add() }
    for node in nodes { add(node) }
    let known = Set(topology.nodes.map(\.osIndex))
    let lost = topology.devices.filter { device in
      !device.isLocalityKnown || !(device.numaNodes.first.map { known.contains($0) } ?? false)
    }
    guard !lost.isEmpty else { return }
    page.add()
    page.add("Devices of which the firmware does not say which node is near:")
    for device in lost { add(device) }
  }

  private mutating func distances() {
    let rows = topology.nodes.map(\.distances)
    guard topology.nodes.count > 1, rows.contains(where: { !$0.isEmpty }) else { return }
    page.add()
    page.add("Memory distances (10 is local)")
    for line in DistanceTable(nodes: topology.nodes.map(\.osIndex), rows: rows).lines {
      page.add(line, indent: 2)
    }
  }

  private mutating func links() {
    guard !topology.links.isEmpty else { return }
    page.add()
    page.add("Links between GPUs")
    for link in topology.links.prefix(Self.linksShown) {
      let speed = link.bandwidthMbS.map { " " + Quantities.bandwidth(mbS: $0) } ?? ""
      page.add("\(link.a) - \(link.b)  \(link.kind.rawValue)\(speed)", indent: 2)
    }
    let rest = topology.links.count - Self.linksShown
    if rest > 0 { page.add("and \(rest) more", indent: 2) }
  }

  private static let linksShown = 12
}
