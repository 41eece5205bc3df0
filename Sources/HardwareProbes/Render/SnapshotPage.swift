import WireProtocol

/// Renders a snapshot document (Schemas/snapshot-v1.json) for a terminal: what the machine has, what is taken, what
/// waits, and which limit will bind first.
public func renderSnapshot(_ snapshot: JSONValue, width: Int) -> String {
  SnapshotPage(snapshot, width: width).text
}

/// The picture of one snapshot.
struct SnapshotPage {
  private let json: JSONValue
  private var page: Page

  init(_ snapshot: JSONValue, width: Int) {
    json = snapshot
    page = Page(width: width)
    memory()
    cgroup()
    numa()
    gpus()
    pressure()
    processors()
    topology()
    notes()
  }

  var text: String { page.text }

  private func leaf(_ path: String...) -> LeafView { LeafView(path.reduce(json) { $0?[$1] }) }

  private var barCells: Int { max(10, page.width - 52) }

  // MARK: - Sections

  private mutating func memory() {
    let total = leaf("memory", "total_bytes")
    let available = leaf("memory", "available_bytes")
    let headroom = leaf("memory", "headroom_bytes")
    if let total = total.integer, let available = available.integer {
      let used = max(0, total - available)
      page.add(
        "Memory",
        Page.bar(used, of: total, cells: barCells)
          + " \(Quantities.bytes(used)) of \(Quantities.bytes(total)) in use, \(Quantities.share(used, of: total))"
      )
    } else {
      page.add("Memory", "total \(total.bytes), available \(available.bytes)")
    }
    page.add("  headroom", "\(headroom.bytes) until a limit binds: \(bindingLimit(headroom))")
    let words = ["warn": "tasks begin to wait", "shrink": "give host memory back", "close": "about to run out"]
    if let level = leaf("memory", "level").string, let meaning = words[level] {
      page.add("  level", "\(level.uppercased()): \(meaning)")
    }
    let shared = leaf("memory", "shmem_bytes").bytes
    page.add(
      "  of it",
      "free \(leaf("memory", "free_bytes").bytes), droppable cache \(leaf("memory", "inactive_file_bytes").bytes), "
        + "shared \(shared), locked \(leaf("memory", "mlocked_bytes").bytes)")
    swap()
  }

  private mutating func swap() {
    let total = leaf("memory", "swap_total_bytes")
    guard let size = total.integer, let free = leaf("memory", "swap_free_bytes").integer else {
      page.add("  swap", total.bytes)
      return
    }
    page.add(
      "  swap",
      size == 0 ? "none" : "\(Quantities.bytes(size - free)) of \(Quantities.bytes(size)) in use")
  }

  private func bindingLimit(_ headroom: LeafView) -> String {
    guard let least = headroom.integer else { return "unknown" }
    if leaf("cgroup", "headroom_bytes").integer == least, let level = tightestLevel {
      return "cgroup \(LeafView(level["path"]).list)"
    }
    return leaf("memory", "available_bytes").integer == least
      ? "the machine's memory" : "the allowed NUMA nodes"
  }

  private var levels: [JSONValue] { json["cgroup"]?["levels"]?.arrayValue ?? [] }

  private var tightestLevel: JSONValue? { levels.first { LeafView($0["tightest"]).bool == true } }

  private mutating func cgroup() {
    let version = leaf("cgroup", "version")
    let hybrid = leaf("cgroup", "hybrid").bool == true ? ", beside the other version" : ""
    page.add()
    page.add(
      "Cgroups",
      version.string == "none" ? "none govern the memory of this process" : version.list + hybrid)
    for level in levels { add(level) }
  }

  private mutating func add(_ level: JSONValue) {
    let path = LeafView(level["path"]).string ?? "?"
    let usage = LeafView(level["usage_bytes"])
    let isTightest = LeafView(level["tightest"]).bool == true
    page.add("  " + path + (isTightest ? "   <- the tightest limit" : ""))
    guard let limit = LeafView(level["limit_bytes"]).integer, let used = usage.integer else {
      let unlimited = LeafView(level["limited"]).bool == false
      page.add(
        "",
        "\(usage.bytes) in use, limit "
          + (unlimited ? "none" : LeafView(level["limit_bytes"]).bytes))
      return
    }
    page.add(
      "",
      Page.bar(used, of: limit, cells: barCells)
        + " \(Quantities.bytes(used)) of \(Quantities.bytes(limit)), room \(LeafView(level["headroom_bytes"]).bytes)"
    )
  }

  private mutating func numa() {
    let nodes = json["numa"]?["nodes"]?.arrayValue ?? []
    page.add()
    page.add(
      "NUMA",
      "nodes online \(leaf("numa", "online").list), allowed for this process \(leaf("numa", "allowed").list)"
    )
    for node in nodes { add(node: node) }
    if nodes.count > 1 { distances(nodes) }
  }

  private mutating func add(node: JSONValue) {
    let name = "  node \(LeafView(node["os_index"]).integer ?? -1)"
    let total = LeafView(node["total_bytes"])
    let free = LeafView(node["free_bytes"])
    let barred = LeafView(node["allowed"]).bool == false ? ", not allowed" : ""
    let cpus = LeafView(node["cpus"])
    let place = (cpus.string == "" ? "no CPUs" : "CPUs \(cpus.list)") + barred
    guard let size = total.integer, let left = free.integer else {
      page.add(name, "total \(total.bytes), free \(free.bytes), \(place)")
      return
    }
    page.add(
      name,
      Page.bar(size - left, of: size, cells: barCells)
        + " \(Quantities.bytes(left)) of \(Quantities.bytes(size)) free, \(place)")
  }

  private mutating func distances(_ nodes: [JSONValue]) {
    let names = nodes.map { LeafView($0["os_index"]).integer ?? -1 }
    let rows = nodes.map {
      $0["distances"]?["value"]?.arrayValue?.map { $0.integerValue ?? 0 } ?? []
    }
    guard rows.contains(where: { !$0.isEmpty }) else { return }
    for line in DistanceTable(nodes: names, rows: rows).lines { page.add(line, indent: 2) }
  }

  private mutating func gpus() {
    let devices = json["gpu"]?["devices"]?.arrayValue ?? []
    let missing = json["gpu"]?["missing"]?["value"]?.arrayValue?.compactMap(\.stringValue) ?? []
    guard !devices.isEmpty || !missing.isEmpty else { return }
    page.add()
    page.add("GPUs", "driver \(leaf("gpu", "driver_version").list)")
    if let failure = leaf("gpu", "failure").string { page.add("", failure) }
    if !missing.isEmpty { page.add("  missing", "not listed by the driver: " + missing.joined(separator: ", ")) }
    for (index, gpu) in devices.enumerated() { add(gpu: gpu, index) }
  }

  private mutating func add(gpu: JSONValue, _ index: Int) {
    let names = ["bus_id", "name"].compactMap { LeafView(gpu[$0]).string }.joined(separator: "  ")
    page.add("  GPU \(index)", names)
    let total = LeafView(gpu["memory_total_bytes"])
    let used = LeafView(gpu["memory_used_bytes"])
    if let size = total.integer, let taken = used.integer {
      let age = used.isOK ? "" : " (\(used.status))"
      page.add(
        "",
        Page.bar(taken, of: size, cells: barCells)
          + " \(Quantities.bytes(taken)) of \(Quantities.bytes(size)) in use\(age)")
    } else {
      page.add("", "memory \(total.bytes)")
    }
    if let why = LeafView(gpu["quarantine"]).string { page.add("", "QUARANTINED: \(why)") }
    if let xid = LeafView(gpu["xid_last"]).integer, xid > 0 {
      page.add("", "XID \(xid) reported last, \(LeafView(gpu["xid_count"]).integer ?? 1) in all")
    }
    let watts = { (value: JSONValue) in "\((value.integerValue ?? 0) / 1_000) W" }
    page.add(
      "",
      "busy \(LeafView(gpu["utilization_percent"]).text { "\($0.integerValue ?? 0) %" }), "
        + "power \(LeafView(gpu["power_mw"]).text(watts)) of \(LeafView(gpu["power_limit_mw"]).text(watts)), "
        + "\(LeafView(gpu["temperature_celsius"]).text { "\($0.integerValue ?? 0) C" })")
  }

  private mutating func pressure() {
    page.add()
    page.add("Pressure", "share of time in which tasks waited, averaged over")
    page.add(String(repeating: " ", count: Page.labelWidth) + "          10 s      60 s     300 s")
    for (name, section) in [("  memory", "memory"), ("  cpu", "cpu"), ("  io", "io")] {
      for kind in ["some", "full"] {
        let line = json[section]?["pressure"]?[kind]
        let cells = ["avg10_percent", "avg60_percent", "avg300_percent"].map { key in
          Page.right(LeafView(line?[key]).text { Quantities.percent($0.doubleValue ?? 0) }, 10)
        }
        let known = LeafView(line?["avg10_percent"]).json?["value"]?.isNull == false
        let text = known ? cells.joined() : "(\(LeafView(line?["avg10_percent"]).status))"
        page.add(Page.left(kind == "some" ? name : "", Page.labelWidth) + Page.left(kind, 4) + text)
      }
    }
  }

  private mutating func processors() {
    page.add()
    page.add(
      "CPUs",
      "online \(leaf("cpu", "online").list), allowed for this process \(leaf("cpu", "allowed").list)"
    )
  }

  private mutating func topology() {
    let parts: [(String, String, String?)] = [
      ("packages", "package", nil), ("cores", "core", nil), ("gpus", "GPU", nil),
      ("nics", "NIC", nil),
      ("nvme_disks", "NVMe disk", nil), ("links", "GPU link", nil),
    ]
    let cores = leaf("topology", "cores")
    guard cores.integer != nil else {
      page.add(
        "Topology", "(\(cores.status)) \(leaf("topology", "failure").string ?? "not read yet")")
      return
    }
    let words = parts.map { key, singular, plural in
      Quantities.count(leaf("topology", key).integer ?? 0, singular, plural)
    }
    let age = cores.json?["age_ms"]?.integerValue ?? 0
    let old =
      cores.isOK
      ? "read \(Quantities.age(ms: age)) ago"
      : "\(cores.status), read \(Quantities.age(ms: age)) ago"
    page.add("Topology", words.joined(separator: ", ") + " (\(old))")
  }

  /// What deserves a second look.
  private mutating func notes() {
    var notes: [String] = []
    if leaf("numa", "balancing").bool == true, (json["numa"]?["nodes"]?.arrayValue ?? []).count > 1 {
      notes.append(
        "The kernel moves pages between nodes (numa_balancing is on), behind the back of any binding."
      )
    }
    if leaf("numa", "memory_policy_settable").bool == false {
      notes.append(
        "This process may not set memory policies, as in many containers: NUMA bindings have no effect."
      )
    }
    if let failure = leaf("topology", "failure").string, leaf("topology", "cores").integer != nil {
      notes.append("The last look at the topology failed: \(failure).")
    }
    if leaf("numa", "truncated").bool == true {
      notes.append("There are more NUMA nodes than are shown.")
    }
    if !notes.isEmpty { page.add() }
    for note in notes { page.add("Note", note) }
  }
}
