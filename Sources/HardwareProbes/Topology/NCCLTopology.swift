import SchedulerCore
import WireProtocol

/// Reads the topology files of NCCL and RCCL (`NCCL_TOPO_FILE`, `NCCL_TOPO_DUMP_FILE`) into a topology document. They
/// state CPUs per node and the PCI tree with GPUs, adapters and links; they do not state memory, cores or distances.
struct NCCLTopology {
  private struct Walk {
    var node: Int?
    var cpus: IDList
    var bridges: [String]
  }

  private var nodes: [JSONValue] = []
  private var packages: [JSONValue] = []
  private var cores: [JSONValue] = []
  private var devices: [JSONValue] = []
  private var links: [JSONValue] = []
  /// GPUs that are connected to NVSwitches, with the number of their links.
  private var switched: [(busID: String, count: Int)] = []
  private var linked = Set<String>()
  private var allCPUs = IDList()
  private var nodeIDs = IDList()

  /// The document of a file's bytes. - Throws: `ProbeFailure.invalid`.
  static func document(_ bytes: [UInt8]) throws(ProbeFailure) -> JSONValue {
    let root = try XMLElement.parse(bytes)
    guard root.name == "system" else { throw .invalid(reason: "expected <system>, the root of NCCL's topology files") }
    var reader = NCCLTopology()
    for cpu in root.children where cpu.name == "cpu" { try reader.read(cpu: cpu) }
    guard !reader.nodes.isEmpty || !reader.devices.isEmpty else {
      throw .invalid(reason: "the file has no <cpu> element")
    }
    reader.joinSwitched()
    return reader.json
  }

  private var json: JSONValue {
    [
      "version": 1, "source": "nccl", "hwloc": "",
      "machine": [
        "memory_bytes": 0, "cpus": .string("\(allCPUs)"), "allowed_cpus": .string("\(allCPUs)"),
        "nodes": .string("\(nodeIDs)"), "allowed_nodes": .string("\(nodeIDs)"),
      ],
      "packages": .array(packages), "numa_nodes": .array(nodes), "caches": [], "cores": .array(cores),
      "pci_devices": .array(devices), "links": .array(links),
    ]
  }

  // MARK: - Elements

  private mutating func read(cpu: XMLElement) throws(ProbeFailure) {
    let affinity = cpu["affinity"] ?? "0"
    guard let cpus = Self.mask(affinity) else {
      throw .invalid(reason: "affinity \"\(affinity)\": expected words of hexadecimal digits")
    }
    // NCCL writes -1 where the machine does not say.
    let node = cpu["numaid"].flatMap { Int($0) }.flatMap { $0 >= 0 ? $0 : nil }
    if let node, !nodeIDs.contains(node) {
      nodeIDs = nodeIDs.union(IDList([node]))
      addNode(node, cpus)
    }
    allCPUs = allCPUs.union(cpus)
    for child in cpu.children where child.name == "pci" {
      try read(pci: child, Walk(node: node, cpus: cpus, bridges: ["host:\(node.map(String.init) ?? "unknown")"]))
    }
  }

  private mutating func addNode(_ node: Int, _ cpus: IDList) {
    let text = JSONValue.string("\(cpus)")
    nodes.append([
      "os_index": JSONValue(node), "kind": "dram", "memory_bytes": 0, "cpus": text, "near_cpus": text, "allowed": true,
      "distances": [],
    ])
    packages.append(["index": JSONValue(packages.count), "cpus": text, "cores": JSONValue(cpus.count)])
    for cpu in cpus.ids { cores.append(["package": JSONValue(packages.count - 1), "cpus": .string("\(cpu)")]) }
  }

  private mutating func read(pci: XMLElement, _ walk: Walk) throws(ProbeFailure) {
    guard let busID = pci["busid"]?.lowercased() else { throw .invalid(reason: "a <pci> element without busid") }
    let kind = Self.kind(pci["class"] ?? "")
    if let kind { add(pci, busID, kind, walk) }
    if kind == "gpu" { readLinks(of: pci, busID) }
    var below = walk
    below.bridges.insert(busID, at: 0)
    for child in pci.children where child.name == "pci" { try read(pci: child, below) }
  }

  private mutating func add(_ pci: XMLElement, _ busID: String, _ kind: String, _ walk: Walk) {
    let names = pci.children.flatMap(\.children).compactMap { $0.name == "net" ? $0["name"] : nil }
    var device: JSONObject = [
      "bus_id": .string(busID), "kind": .string(kind), "names": .array(names.map { .string($0) }),
      "numa_nodes": .array(walk.node.map { [JSONValue($0)] } ?? []),
      "locality": walk.node == nil ? "unknown" : "known", "cpus": .string("\(walk.cpus)"),
      "bridges": .array(walk.bridges.map { .string($0) }),
    ]
    if let vendor = pci["vendor"].flatMap(Self.vendor) { device["vendor_id"] = .string(vendor) }
    devices.append(.object(device))
  }

  private mutating func readLinks(of pci: XMLElement, _ busID: String) {
    for gpu in pci.children where gpu.name == "gpu" {
      for link in gpu.children where link.name == "nvlink" || link.name == "xgmi" {
        let target = link["target"]?.lowercased() ?? ""
        if link["tclass"]?.hasPrefix("0x0680") == true {
          switched.append((busID, link["count"].flatMap { Int($0) } ?? 1))
        } else {
          addLink(link.name, busID, target)
        }
      }
    }
  }

  private mutating func addLink(_ kind: String, _ a: String, _ b: String) {
    // Each side states its own: one of them is enough.
    guard linked.insert(a < b ? "\(a) \(b)" : "\(b) \(a)").inserted, a != b else { return }
    links.append(["kind": .string(kind), "a": .string(a), "b": .string(b)])
  }

  /// GPUs on NVSwitches reach each other.
  private mutating func joinSwitched() {
    let gpus = switched.map(\.busID).reduce(into: [String]()) { list, id in
      if !list.contains(id) { list.append(id) }
    }
    for (index, a) in gpus.enumerated() {
      for b in gpus[(index + 1)...] { addLink("nvlink", a, b) }
    }
  }

  // MARK: - Values

  /// "0x030200" and the like.
  private static func kind(_ pciClass: String) -> String? {
    let digits = pciClass.hasPrefix("0x") ? String(pciClass.dropFirst(2)) : pciClass
    switch digits.prefix(4) {
    case "0300", "0302", "0380", "1200": return "gpu"
    case "0108": return "nvme"
    default: return digits.hasPrefix("02") ? "nic" : nil
    }
  }

  /// "0x10de" as "10de".
  private static func vendor(_ text: String) -> String? {
    let digits = text.lowercased().drop { $0 == "0" || $0 == "x" }
    return UInt16(digits, radix: 16).map { id in
      let text = String(id, radix: 16)
      return String(repeating: "0", count: 4 - text.count) + text
    }
  }

  /// Words of 32 bits, the highest first, as the kernel prints CPU masks.
  private static func mask(_ text: String) -> IDList? {
    let words = text.split(separator: ",", omittingEmptySubsequences: false)
    guard words.count <= IDList.idLimit / 32 else { return nil }
    var ids: [Int] = []
    for (index, word) in words.reversed().enumerated() {
      guard !word.isEmpty, word.count <= 8, let bits = UInt32(word, radix: 16) else { return nil }
      for bit in 0..<32 where bits >> UInt32(bit) & 1 == 1 { ids.append(index * 32 + bit) }
    }
    return IDList(ids)
  }
}
