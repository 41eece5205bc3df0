import SchedulerCore
import WireProtocol

/// The part of the snapshot that shows the GPUs.
struct GPUFigures {
  /// Figures of one GPU in the order of the document.
  static let names = [
    "bus_id", "uuid", "name", "memory_total_bytes", "memory_used_bytes", "memory_free_bytes", "utilization_percent",
    "memory_utilization_percent", "power_mw", "power_limit_mw", "temperature_celsius", "clock_limit_reasons",
    "ecc_uncorrected", "mig",
  ]

  let refresher: GPURefresher
  let nowMs: Int
  let staleAfterMs: Int

  var tree: SnapshotTree {
    let document = refresher.document
    let words = refresher.failure?.description ?? document.flatMap { $0.message.isEmpty ? nil : $0.message }
    let failure = Figure(
      value: words.map { .string($0) }, status: words == nil ? .unsupported : .ok, readMs: words == nil ? nil : nowMs,
      staleAfterMs: .max)
    return .object([
      .init(
        "driver_version", leaf(document?.driverVersion ?? .failed(refresher.failure == nil ? .unsupported : .lost))),
      .init("failure", .leaf(failure)), .init("devices", .array((document?.gpus ?? []).map(device))),
    ])
  }

  private func device(_ gpu: GPUDocument.GPU) -> SnapshotTree {
    .object(
      Self.names.map { name in
        let missing: Reading<JSONValue> = .failed(gpu.status == .ok ? .unsupported : gpu.status)
        return .init(name, leaf(gpu.figures[name] ?? missing))
      })
  }

  /// A figure of the last good run; after a failed one it is stale at once, and lost when that lasts.
  private func leaf(_ reading: Reading<JSONValue>) -> SnapshotTree {
    let run = refresher.status(nowMs: nowMs)
    let isOld = reading.status == .ok && run != .ok && run != .unsupported
    let limit = refresher.document?.gpus.isEmpty == false ? staleAfterMs : Int.max
    return .leaf(
      Figure(
        value: reading.value, status: isOld ? run : reading.status,
        readMs: reading.value == nil ? nil : refresher.readMs, staleAfterMs: limit))
  }
}
