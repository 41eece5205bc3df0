import SchedulerCore
import WireProtocol

extension NodePlacement {
  /// The document of `coxswain place -o json`.
  public var json: JSONValue {
    [
      "workers": .array(workers.map(\.json)), "pairs": .array(pairs.map(\.json)),
      "reserved_cpus": .string("\(reservedCPUs)"), "gain_expected": .bool(isGainExpected),
      "saved_distance_percent": JSONValue(savedDistancePercent),
      "warnings": .array(warnings.map(\.json)),
    ]
  }
}

extension NodePlacement.Worker {
  var json: JSONValue {
    [
      "gpu": gpu.map { JSONValue($0) } ?? .null, "bus_id": Self.text(busID), "uuid": Self.text(uuid),
      "group": JSONValue(group), "cpus": .string("\(cpus)"), "numa_node": Self.number(numaNode),
      "memory_node": Self.number(memoryNode), "memory_bytes": JSONValue(memoryBytes), "nic": Self.text(nic),
      "nvme": Self.text(nvme), "reasons": .array(reasons.map(\.json)),
    ]
  }

  private static func text(_ value: String?) -> JSONValue { value.map { .string($0) } ?? .null }

  private static func number(_ value: Int?) -> JSONValue { value.map { JSONValue($0) } ?? .null }
}

extension NodePlacementReason {
  var json: JSONValue { ["code": .string(code), "text": .string(description)] }
}

extension GPUPair {
  var json: JSONValue {
    [
      "a": .string(a), "b": .string(b), "link": .string(closeness.rawValue),
      "bandwidth_mb_s": bandwidthMbS.map { JSONValue($0) } ?? .null,
      "same_node": sharesNode.map { .bool($0) } ?? .null,
    ]
  }
}

/// Renders a placement for a terminal: who runs where, why, and how near the GPUs are to each other.
public func renderPlacement(_ placement: NodePlacement, width: Int) -> String {
  PlacementPage(placement, width: width).text
}

struct PlacementPage {
  private let placement: NodePlacement
  private var page: Page

  init(_ placement: NodePlacement, width: Int) {
    self.placement = placement
    page = Page(width: width)
    for worker in placement.workers { add(worker) }
    let reserved = placement.reservedCPUs
    page.add("Left over", reserved.isEmpty ? "no CPU for the sidecar and the system" : "CPUs \(reserved)")
    if placement.isGainExpected {
      let saved = placement.savedDistancePercent
      page.add("Score", "host traffic travels \(saved) % less distance than unbound")
    }
    for warning in placement.warnings { page.add("Warning", warning.description) }
    let matrix = PairMatrix(placement.pairs)
    if !matrix.lines.isEmpty { page.add() }
    matrix.add(to: &page)
  }

  var text: String { page.text }

  private mutating func add(_ worker: NodePlacement.Worker) {
    let name = worker.gpu.map { "GPU \($0)" } ?? "worker"
    page.add(name, [worker.busID, worker.uuid].compactMap { $0 }.joined(separator: "  "))
    let node = worker.numaNode.map { "node \($0)" } ?? "not bound to a node"
    page.add("  CPUs", "\(worker.cpus)  (\(node))")
    let size = worker.memoryBytes > 0 ? ", \(Quantities.bytes(worker.memoryBytes)) for it" : ""
    page.add("  memory", worker.memoryNode.map { "node \($0)\(size)" } ?? "not bound")
    let near = [worker.nic.map { "NIC \($0)" }, worker.nvme.map { "NVMe \($0)" }].compactMap { $0 }
    if !near.isEmpty { page.add("  near", near.joined(separator: ", ")) }
    for reason in worker.reasons { page.add("  because", reason.description) }
    page.add()
  }
}
