import SchedulerCore
import WireProtocol

/// The part of the snapshot that shows the GPUs.
struct GPUFigures {
  /// Figures of one GPU in the order of the document.
  static let names = [
    "bus_id", "vendor", "uuid", "name", "memory_total_bytes", "memory_used_bytes", "memory_free_bytes",
    "utilization_percent",
    "memory_utilization_percent", "sm_occupancy_percent", "power_mw", "power_instant_mw", "temperature_celsius",
    "clock_limit_reasons", "pcie_tx_bytes", "pcie_rx_bytes", "nvlink_tx_bytes", "nvlink_rx_bytes", "xid_last",
    "xid_count",
  ]
  /// Those that are read rarely.
  static let rareNames = [
    "power_limit_mw", "ecc_uncorrected", "remapped_rows_corrected", "remapped_rows_uncorrected",
    "remapped_rows_pending", "remapped_rows_failed", "recovery_action", "compute_processes", "pcie_generation",
    "pcie_width", "nvlinks_active", "nvlink_mb_s", "cpu_affinity", "memory_numa_node", "mig",
  ]
  /// Figures of one part of a divided GPU.
  static let instanceNames = ["uuid", "memory_total_bytes", "memory_used_bytes", "memory_free_bytes"]

  let stream: GPUStream
  /// PCI addresses of the GPUs that this driver should list; nil where nobody knows.
  let expected: [String]?
  /// Measured copies; nil where nobody measured.
  var calibration: Calibration?
  let nowMs: Int
  let limits: MonitorLimits

  var tree: SnapshotTree {
    let document = stream.document
    let unknown: Reading<JSONValue> = .failed(stream.status(nowMs: nowMs) == .lost ? .lost : .unsupported)
    return .object([
      .init("driver_version", leaf(document?.driverVersion ?? unknown, rare: false)), .init("failure", failure),
      .init("missing", missing),
      .init("devices", .array((document?.gpus ?? []).indices.map(device))),
    ])
  }

  private var failure: SnapshotTree {
    var words = stream.failure?.description
    if words == nil, let waited = stream.waitedMs(nowMs: nowMs) {
      words = "the driver has not answered for \(waited.ms) ms, in stage \(waited.stage)"
    }
    if words == nil, let message = stream.document?.message, !message.isEmpty { words = message }
    return text(words)
  }

  /// What is on PCI and not in the driver's list: a GPU that fell off, or one that belongs to nobody.
  private var missing: SnapshotTree {
    guard let expected, let document = stream.document else { return text(nil) }
    let listed = document.gpus.indices.compactMap { lastAddress($0) }
    let addresses = expected.filter { !listed.contains($0) }
    return .leaf(
      Figure(
        value: .array(addresses.map { .string($0) }), status: .ok, readMs: stream.readMs,
        staleAfterMs: limits.gpuStaleAfterMs))
  }

  private func lastAddress(_ index: Int) -> String? {
    stream.document?.gpus[index].figures["bus_id"]?.value?.stringValue
  }

  private func device(_ index: Int) -> SnapshotTree {
    let gpu = stream.document?.gpus[index]
    let missing: Reading<JSONValue> = .failed(gpu.map { $0.status == .ok ? .unsupported : $0.status } ?? .lost)
    let rare = stream.rare.indices.contains(index) ? stream.rare[index] : nil
    var members = Self.names.map { SnapshotTree.Member($0, leaf(gpu?.figures[$0] ?? missing, rare: false)) }
    members += Self.rareNames.map { .init($0, rareLeaf($0, rare, gpu, missing)) }
    let speeds = gpu?.figures["bus_id"]?.value?.stringValue.flatMap { calibration?.gpus[$0] }
    members.append(.init("to_gpu_mb_s", calibration?.leaf(speeds?.toMbS, nowMs: nowMs) ?? Calibration.none))
    members.append(.init("from_gpu_mb_s", calibration?.leaf(speeds?.fromMbS, nowMs: nowMs) ?? Calibration.none))
    let uuid = gpu?.figures["uuid"]?.value?.stringValue ?? stream.quarantine.uuid(index: index)
    members.append(.init("quarantine", text(uuid.flatMap { stream.quarantine.reason(uuid: $0) })))
    members.append(.init("instances", .array((rare?.instances ?? []).map(instance))))
    return .object(members)
  }

  /// Drivers that show files have no rare figures: they are read with the others.
  private func rareLeaf(
    _ name: String, _ rare: GPUDocument.Rare?, _ gpu: GPUDocument.GPU?, _ missing: Reading<JSONValue>
  ) -> SnapshotTree {
    if let reading = rare?.figures[name] { return leaf(reading, rare: true) }
    return leaf(gpu?.figures[name] ?? missing, rare: false)
  }

  private func instance(_ figures: GPUDocument.Figures) -> SnapshotTree {
    .object(Self.instanceNames.map { .init($0, leaf(figures[$0] ?? .unsupported, rare: true)) })
  }

  private func text(_ words: String?) -> SnapshotTree {
    .leaf(
      Figure(
        value: words.map { .string($0) }, status: words == nil ? .unsupported : .ok,
        readMs: words == nil ? nil : nowMs, staleAfterMs: .max))
  }

  /// A figure of the last good look; after a failed one it is stale at once, and lost when that lasts.
  private func leaf(_ reading: Reading<JSONValue>, rare: Bool) -> SnapshotTree {
    let run = stream.status(nowMs: nowMs)
    let isOld = reading.status == .ok && run != .ok
    let limit = rare ? limits.gpuRareIntervalMs * limits.missedBeforeStale : limits.gpuStaleAfterMs
    // A machine without GPUs is looked at rarely.
    let isWatched = stream.document?.gpus.isEmpty == false
    return .leaf(
      Figure(
        value: reading.value, status: isOld ? run : reading.status,
        readMs: reading.value == nil ? nil : rare ? stream.rareReadMs : stream.readMs,
        staleAfterMs: isWatched ? limit : .max))
  }
}
