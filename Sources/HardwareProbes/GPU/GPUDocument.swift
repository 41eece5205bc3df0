import SchedulerCore
import WireProtocol

/// What the helper read from the GPU driver's library (`coxswain-probe --gpus`), checked.
struct GPUDocument: Sendable {
  /// One GPU: its figures by name, each a value with its status.
  struct GPU: Sendable {
    var status: FigureStatus
    var figures: [String: Reading<JSONValue>]
  }

  /// Of the library: unsupported where there is none.
  var status: FigureStatus
  /// The library's words where it could not be used.
  var message: String
  var driverVersion: Reading<JSONValue>
  var gpus: [GPU]

  /// - Throws: `ProbeFailure.invalid` with the JSON pointer of what is wrong.
  init(bytes: [UInt8]) throws(ProbeFailure) {
    let json: JSONValue
    do throws(JSONError) { json = try JSONValue(parsing: bytes) } catch {
      throw .invalid(reason: "\(error)")
    }
    let root = Element(json, at: "")
    guard try root.integer("version") == 1 else { throw .invalid(reason: "/version: expected 1") }
    status = try root.choice("library")
    message = try root.string("message")
    driverVersion = json["driver_version"].map(Self.reading) ?? .failed(status == .ok ? .lost : status)
    gpus = status == .ok ? try root.elements("gpus", Self.gpu) : []
  }

  private static func gpu(_ json: Element) throws(ProbeFailure) -> GPU {
    var figures: [String: Reading<JSONValue>] = [:]
    for member in json.json.objectValue?.members ?? [] where member.value.objectValue != nil {
      figures[member.name] = reading(member.value)
    }
    return GPU(status: try json.choice("status"), figures: figures)
  }

  /// A value that is null or a status that nobody knows counts as lost.
  private static func reading(_ leaf: JSONValue) -> Reading<JSONValue> {
    let status = leaf["status"]?.stringValue.flatMap { FigureStatus(rawValue: $0) } ?? .lost
    guard status == .ok else { return .failed(status) }
    guard let value = leaf["value"], !value.isNull else { return .failed(.lost) }
    return .ok(value)
  }
}
