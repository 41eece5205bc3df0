import Glibc
import SchedulerCore
import WireProtocol

/// The part of the snapshot that shows the disk tier: the file system of the folder that was calibrated, or of the
/// default one.
struct DiskFigures {
  static let defaultPath = "/var/lib"

  let calibration: Calibration?
  let nowMs: Int
  let staleAfterMs: Int

  var tree: SnapshotTree {
    let path = calibration?.disk?.path ?? Self.defaultPath
    let space = Self.space(path)
    return .object([
      .init("path", leaf(.ok(path)) { .string($0) }),
      .init("total_bytes", leaf(space.map(\.total)) { JSONValue($0) }),
      .init("free_bytes", leaf(space.map(\.free)) { JSONValue($0) }),
      .init("write_mb_s", calibration?.leaf(calibration?.disk?.writeMbS, nowMs: nowMs) ?? Calibration.none),
      .init("read_mb_s", calibration?.leaf(calibration?.disk?.readMbS, nowMs: nowMs) ?? Calibration.none),
    ])
  }

  /// Bytes of the file system, and those that an ordinary user may still take.
  private static func space(_ path: String) -> Reading<(total: Int, free: Int)> {
    var info = statvfs()
    guard statvfs(path, &info) == 0 else {
      return .failed(errno == EACCES ? .denied : errno == ENOENT ? .unsupported : .lost)
    }
    func bytes(_ blocks: UInt) -> Int {
      let product = blocks.multipliedReportingOverflow(by: info.f_frsize)
      return product.overflow ? .max : Int(clamping: product.partialValue)
    }
    return .ok((bytes(info.f_blocks), bytes(info.f_bavail)))
  }

  private func leaf<Value>(_ reading: Reading<Value>, _ json: (Value) -> JSONValue) -> SnapshotTree {
    .leaf(
      Figure(
        value: reading.value.map(json), status: reading.status, readMs: reading.value == nil ? nil : nowMs,
        staleAfterMs: staleAfterMs))
  }
}
