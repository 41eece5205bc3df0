import SchedulerCore
import WireProtocol

/// What the helper read from the GPU driver's library (`coxswain-probe --gpus`), checked.
struct GPUDocument: Sendable {
  typealias Figures = [String: Reading<JSONValue>]

  /// Figures that are read rarely.
  struct Rare: Sendable {
    var figures: Figures
    /// Parts of a divided GPU.
    var instances: [Figures]
  }

  /// One GPU: its figures by name, each a value with its status.
  struct GPU: Sendable {
    var status: FigureStatus
    /// The library's error number if the GPU fell off the bus (15) or needs a reset (16).
    var fault: Int?
    var figures: Figures
    /// nil in a document of a look that did not read them.
    var rare: Rare?
  }

  /// Of the library: unsupported where there is none.
  var status: FigureStatus
  /// The library's words where it could not be used.
  var message: String
  var driverVersion: Reading<JSONValue>
  var gpus: [GPU]
  /// What is between two GPUs; nil in a document of a look that did not read it.
  var links: [MachineTopology.Link]?

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
    gpus = try root.elements("gpus", Self.gpu)
    links = json["pairs"] == nil ? nil : try root.elements("pairs", Self.link).compactMap { $0 }
  }

  private static func gpu(_ json: Element) throws(ProbeFailure) -> GPU {
    let rare = json.json["slow"].map { slow in
      Rare(figures: figures(slow), instances: slow["instances"]?.arrayValue?.map(figures) ?? [])
    }
    return GPU(
      status: try json.choice("status"), fault: json.json["fault"]?.integerValue, figures: figures(json.json),
      rare: rare)
  }

  private static func figures(_ json: JSONValue) -> Figures {
    var figures: Figures = [:]
    for member in json.objectValue?.members ?? [] where member.value["status"] != nil {
      figures[member.name] = reading(member.value)
    }
    return figures
  }

  /// nil for a pair without a link of its own.
  private static func link(_ json: Element) throws(ProbeFailure) -> MachineTopology.Link? {
    let (a, b) = (try json.string("a"), try json.string("b"))
    guard let link = json.json["link"]?["value"]?.stringValue, link != "none" else { return nil }
    return MachineTopology.Link(
      kind: .nvlink, a: a, b: b, bandwidthMbS: json.json["bandwidth_mb_s"]?["value"]?.integerValue)
  }

  /// A value that is null or a status that nobody knows counts as lost.
  private static func reading(_ leaf: JSONValue) -> Reading<JSONValue> {
    let status = leaf["status"]?.stringValue.flatMap { FigureStatus(rawValue: $0) } ?? .lost
    guard status == .ok else { return .failed(status) }
    guard let value = leaf["value"], !value.isNull else { return .failed(.lost) }
    return .ok(value)
  }
}
