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
    // Processors pad their names with blanks.
    let words = package["model"]?.stringValue?.split(separator: " ").joined(separator: " ")
    let model = words.map { "\($0), " } ?? ""
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
    addDevices(topology.devices.filter { $0.isLocalityKnown && $0.numaNodes.first == node.osIndex })
  }

  /// Of each kind in turn; many disks or adapters beside one node are counted, GPUs are all shown.
  private mutating func addDevices(_ devices: [MachineTopology.Device]) {
    for kind in MachineTopology.Device.Kind.allCases {
      let all = devices.filter { $0.kind == kind }
      let shown = kind == .gpu ? all.count : min(all.count, Self.devicesShown)
      for device in all.prefix(shown) { add(device) }
      if all.count > shown { page.add("and \(all.count - shown) more", indent: Page.labelWidth + 9) }
    }
  }

  private static let devicesShown = 4

  private mutating func add(_ device: MachineTopology.Device) {
    let titles: [MachineTopology.Device.Kind: String] = [.nic: "NIC", .nvme: "NVMe", .nvswitch: "NVSwitch"]
    let number = topology.gpus.firstIndex(of: device).map { "GPU \($0)" }
    let names = device.names.isEmpty ? "" : " " + device.names.joined(separator: ",")
    let model = device.model.map { " " + $0 } ?? ""
    let more = device.numaNodes.count > 1 ? ", near nodes \(IDList(device.numaNodes))" : ""
    let title = number ?? titles[device.kind] ?? ""
    page.add(Page.left(title, 8) + " " + device.busID + names + model + more, indent: Page.labelWidth)
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
    addDevices(lost)
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
    let matrix = PairMatrix(topology.gpuPairs)
    guard !matrix.lines.isEmpty else { return }
    page.add()
    matrix.add(to: &page)
    var counts: [(speed: String, pairs: Int)] = []
    for link in topology.links {
      let speed = ([link.kind.rawValue] + (link.bandwidthMbS.map { [Quantities.bandwidth(mbS: $0)] } ?? []))
        .joined(separator: " ")
      if let index = counts.firstIndex(where: { $0.speed == speed }) {
        counts[index].pairs += 1
      } else {
        counts.append((speed, 1))
      }
    }
    for count in counts { page.add("\(Quantities.count(count.pairs, "pair")) with \(count.speed)", indent: 2) }
  }
}
