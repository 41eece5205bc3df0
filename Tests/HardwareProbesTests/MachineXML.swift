import Foundation

@testable import HardwareProbes

/// A machine of our own making as an hwloc XML file (version 2): the parts that the traps of real ones are made of.
struct MachineXML {
  struct Node {
    var os: Int
    var subtype: String?
    var bytes = 1 << 36
  }

  struct Device {
    /// Domain, bus, device: "0000:17:00".
    var address: String
    var pciClass = "0302"
    var vendor = "10de"
    var name: String?
  }

  /// Cores that lie together with the memory and the devices beside them.
  struct Part {
    var nodes: [Node]
    /// CPUs of each core.
    var cores: [[Int]]
    var devices: [Device] = []
  }

  struct Package {
    var parts: [Part]
    /// Devices of which the firmware says no more than the socket.
    var devices: [Device] = []
  }

  var packages: [Package]
  /// Devices of which the firmware says nothing.
  var devices: [Device] = []
  /// Memory that the firmware puts beside no CPU.
  var nodes: [Node] = []
  var allowedCPUs: [Int]?
  var allowedNodes: [Int]?
  var offlineCPUs: [Int] = []
  var offlineNodes: [Int] = []
  /// NVLink between positions of GPUs in the order of the text, in MB/s.
  var distances: (nodes: [Int], rows: [[Int]])?

  private var cpus: [Int] { packages.flatMap(\.parts).flatMap(\.cores).flatMap { $0 } }
  private var allNodes: [Int] { packages.flatMap(\.parts).flatMap(\.nodes).map(\.os) + nodes.map(\.os) }

  var text: String {
    var writer = Writer()
    writer.open(
      "Machine", 0, cpus: cpus, nodes: allNodes, completeCPUs: cpus + offlineCPUs,
      completeNodes: allNodes + offlineNodes,
      more:
        #" allowed_cpuset="\#(Self.mask(allowedCPUs ?? cpus))" allowed_nodeset="\#(Self.mask(allowedNodes ?? allNodes))""#
    )
    writer.add(nodes, cpus: cpus)
    for (index, package) in packages.enumerated() { writer.add(package, index) }
    writer.add(devices)
    writer.close()
    if let distances { writer.add(distances.nodes, distances.rows) }
    return """
      <?xml version="1.0" encoding="UTF-8"?>
      <!DOCTYPE topology SYSTEM "hwloc2.dtd">
      <topology version="2.0">
      \(writer.text)</topology>

      """
  }

  /// What the helper makes of it.
  func document() throws -> TopologyDocument {
    let file = FileManager.default.temporaryDirectory.appending(path: "coxswain-\(UUID().uuidString).xml")
    defer { try? FileManager.default.removeItem(at: file) }
    try Data(text.utf8).write(to: file)
    return try BuiltProbe.document("--topology-xml", file.path)
  }

  /// Words of 32 bits, the highest first.
  static func mask(_ ids: [Int]) -> String {
    var words = [UInt32](repeating: 0, count: (ids.max() ?? 0) / 32 + 1)
    for id in ids { words[id / 32] |= 1 << UInt32(id % 32) }
    return words.reversed().map { "0x" + String($0, radix: 16) }.joined(separator: ",")
  }
}

extension MachineXML {
  private struct Writer {
    var text = ""
    private var serial = 0

    mutating func open(
      _ type: String, _ os: Int, cpus: [Int], nodes: [Int], completeCPUs: [Int]? = nil, completeNodes: [Int]? = nil,
      more: String = "", isEmpty: Bool = false
    ) {
      serial += 1
      text += #"<object type="\#(type)" os_index="\#(os)" cpuset="\#(mask(cpus))""#
      text += #" complete_cpuset="\#(mask(completeCPUs ?? cpus))" nodeset="\#(mask(nodes))""#
      text += #" complete_nodeset="\#(mask(completeNodes ?? nodes))" gp_index="\#(serial)"\#(more)"#
      text += isEmpty ? "/>\n" : ">\n"
    }

    mutating func close() { text += "</object>\n" }

    mutating func add(_ nodes: [Node], cpus: [Int]) {
      for node in nodes {
        let subtype = node.subtype.map { #" subtype="\#($0)""# } ?? ""
        open(
          "NUMANode", node.os, cpus: cpus, nodes: [node.os], more: #"\#(subtype) local_memory="\#(node.bytes)""#,
          isEmpty: true)
      }
    }

    mutating func add(_ package: Package, _ index: Int) {
      let cpus = package.parts.flatMap(\.cores).flatMap { $0 }
      open("Package", index, cpus: cpus, nodes: package.parts.flatMap(\.nodes).map(\.os))
      for part in package.parts { add(part, isAlone: package.parts.count == 1) }
      add(package.devices)
      close()
    }

    private mutating func add(_ part: Part, isAlone: Bool) {
      let cpus = part.cores.flatMap { $0 }
      let nodes = part.nodes.map(\.os)
      if !isAlone {
        open("Group", serial, cpus: cpus, nodes: nodes, more: #" kind="1001" subkind="0""#)
      }
      add(part.nodes, cpus: cpus)
      for core in part.cores {
        open("Core", core[0], cpus: core, nodes: nodes)
        for cpu in core { open("PU", cpu, cpus: [cpu], nodes: nodes, isEmpty: true) }
        close()
      }
      add(part.devices)
      if !isAlone { close() }
    }

    /// Each behind a host bridge of its own domain and a root port.
    mutating func add(_ devices: [Device]) {
      for device in devices {
        let (domain, bus) = (device.address.prefix(4), device.address.dropFirst(5).prefix(2))
        text += #"<object type="Bridge" gp_index="\#(serial + 1)" bridge_type="0-1" depth="0" "#
        text += #"bridge_pci="\#(domain):[\#(bus)-\#(bus)]">"# + "\n"
        text += #"<object type="PCIDev" gp_index="\#(serial + 2)" pci_busid="\#(device.address).0" "#
        text += #"pci_type="\#(device.pciClass) [\#(device.vendor):2330] [0000:0000] 01" pci_link_speed="63.0">"# + "\n"
        serial += 2
        if let name = device.name {
          serial += 1
          text += #"<object type="OSDev" gp_index="\#(serial)" name="\#(name)" osdev_type="2"/>"# + "\n"
        }
        text += "</object>\n</object>\n"
      }
    }

    mutating func add(_ nodes: [Int], _ rows: [[Int]]) {
      let indexes = nodes.map { "\($0) " }.joined()
      let values = rows.joined().map { "\($0) " }.joined()
      text += #"<distances2 type="NUMANode" nbobjs="\#(nodes.count)" kind="5" name="NUMALatency" indexing="os">"# + "\n"
      text += #"<indexes length="\#(indexes.utf8.count)">\#(indexes)</indexes>"# + "\n"
      text += #"<u64values length="\#(values.utf8.count)">\#(values)</u64values>"# + "\n</distances2>\n"
    }
  }
}
