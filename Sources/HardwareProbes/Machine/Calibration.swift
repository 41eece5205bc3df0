import Glibc
import SchedulerCore
import WireProtocol

/// Bandwidths that `coxswain-probe --calibrate` measured once and stored: what moving KV between tiers costs.
struct Calibration: Hashable, Sendable {
  /// Megabytes per second in the two directions; nil for one that could not be measured.
  struct Speeds: Hashable, Sendable {
    var toMbS: Int?
    var fromMbS: Int?
  }

  struct Disk: Hashable, Sendable {
    /// Folder in which it was measured.
    var path: String
    var writeMbS: Int?
    var readMbS: Int?
  }

  /// The hardware does not get slower by itself, but drivers and slots change.
  static let staleAfterMs = 30 * 24 * 3_600_000
  /// Names the file; else the default.
  static let variable = "COXSWAIN_CALIBRATION"
  static let defaultPath = "/var/cache/coxswain/calibration.json"

  /// Seconds since 1970.
  var measuredAtS: Int
  /// Host to GPU and back, by PCI address.
  var gpus: [String: Speeds]
  var disk: Disk?

  /// Where the environment says that it is.
  static var path: String { getenv(variable).map { String(cString: $0) } ?? defaultPath }

  /// The stored one. - Throws: why there is none.
  static func load(_ path: String) throws(ProbeFailure) -> Calibration {
    let bytes = try TopologyFile.bytes(path)
    let json: JSONValue
    do throws(JSONError) { json = try JSONValue(parsing: bytes) } catch { throw .invalid(reason: "\(path): \(error)") }
    return try Calibration(json)
  }

  init(_ json: JSONValue) throws(ProbeFailure) {
    let root = Element(json, at: "")
    guard try root.integer("version") == 1 else { throw .invalid(reason: "/version: expected 1") }
    measuredAtS = try root.integer("measured_at_s")
    gpus = [:]
    for row in json["gpus"]?.arrayValue ?? [] {
      guard let id = row["bus_id"]?.stringValue else { continue }
      gpus[id] = Speeds(toMbS: Self.speed(row["to_gpu_mb_s"]), fromMbS: Self.speed(row["from_gpu_mb_s"]))
    }
    disk = json["disk"].flatMap { disk in
      disk["path"]?.stringValue.map {
        Disk(path: $0, writeMbS: Self.speed(disk["write_mb_s"]), readMbS: Self.speed(disk["read_mb_s"]))
      }
    }
  }

  private static func speed(_ leaf: JSONValue?) -> Int? {
    leaf?["status"] == "ok" ? leaf?["value"]?.integerValue.flatMap { $0 > 0 ? $0 : nil } : nil
  }

  /// What plans count with: the slowest direction of the slowest GPU that was measured, since nobody says which one an
  /// engine uses, in bytes per second. nil: not measured, or so long ago that it may be another machine's.
  var hostLinkBytesPerS: Int? {
    isStale ? nil : gpus.values.compactMap { Self.slower($0.toMbS, $0.fromMbS) }.min()
  }

  /// The slower direction of the disk, in bytes per second; nil as above.
  var diskBytesPerS: Int? { isStale ? nil : disk.flatMap { Self.slower($0.writeMbS, $0.readMbS) } }

  private static func slower(_ a: Int?, _ b: Int?) -> Int? {
    guard let slower = [a, b].compactMap({ $0 }).min() else { return nil }
    let product = slower.multipliedReportingOverflow(by: 1_000_000)
    return product.overflow ? nil : product.partialValue
  }

  private var isStale: Bool { ageMs > Self.staleAfterMs }

  private var ageMs: Int {
    var wall = timespec()
    // Cannot fail: the clock exists on every Linux and the pointer is valid.
    clock_gettime(CLOCK_REALTIME, &wall)
    let seconds = Int(wall.tv_sec).subtractingReportingOverflow(measuredAtS)
    guard !seconds.overflow else { return .max }
    let age = max(0, seconds.partialValue).multipliedReportingOverflow(by: 1_000)
    return age.overflow ? .max : age.partialValue
  }

  /// A leaf with the age of the measurement.
  func leaf(_ speed: Int?, nowMs: Int) -> SnapshotTree {
    guard let speed else { return Self.none }
    let ageMs = min(ageMs, .max / 2)
    return .leaf(
      Figure(value: JSONValue(speed), status: .ok, readMs: nowMs - ageMs, staleAfterMs: Self.staleAfterMs))
  }

  static let none = SnapshotTree.leaf(Figure(value: nil, status: .unsupported, readMs: nil, staleAfterMs: 0))
}
