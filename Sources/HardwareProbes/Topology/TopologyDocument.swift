import SchedulerCore
import WireProtocol

/// A topology as the helper printed it (Schemas/topology-v1.json), checked, and the same as values.
public struct TopologyDocument: Hashable, Sendable {
  public let json: JSONValue
  public let topology: MachineTopology

  /// Checks the helper's document. - Throws: `ProbeFailure.invalid` with the JSON pointer of what is wrong.
  public init(json: JSONValue) throws(ProbeFailure) {
    topology = try TopologyReader.read(json)
    self.json = json
  }

  /// Checks what the helper printed.
  public init(bytes: [UInt8]) throws(ProbeFailure) {
    let json: JSONValue
    do throws(JSONError) { json = try JSONValue(parsing: bytes) } catch {
      throw .invalid(reason: "\(error)")
    }
    try self.init(json: json)
  }

  /// PCI addresses of the GPUs that NVIDIA's driver should list.
  var nvidiaGPUs: [String] {
    (json["pci_devices"]?.arrayValue ?? []).filter { $0["kind"] == "gpu" && $0["vendor_id"] == "10de" }
      .compactMap { $0["bus_id"]?.stringValue }
  }

  /// The same with links between GPUs that only their driver knows. What the file states is kept.
  func adding(_ links: [MachineTopology.Link]) -> TopologyDocument {
    guard topology.links.isEmpty, !links.isEmpty, var object = json.objectValue else { return self }
    object["links"] = .array(
      links.map { link in
        var row: JSONObject = ["kind": .string(link.kind.rawValue), "a": .string(link.a), "b": .string(link.b)]
        if let bandwidth = link.bandwidthMbS { row["bandwidth_mb_s"] = JSONValue(bandwidth) }
        return .object(row)
      })
    var topology = topology
    topology.links = links
    return TopologyDocument(json: .object(object), topology: topology)
  }

  private init(json: JSONValue, topology: MachineTopology) {
    self.json = json
    self.topology = topology
  }

  /// This machine, read by running the helper, a second time for the links between GPUs. Waits for it, at most until
  /// its deadlines. A driver that does not answer leaves the links unknown.
  public static func ofThisMachine(limits: MonitorLimits = MonitorLimits()) throws(ProbeFailure)
    -> TopologyDocument
  {
    let document = try TopologyDocument(bytes: ProbeRun.output(arguments: ["--stages"], limits: limits))
    guard document.nvidiaGPUs.count > 1, document.topology.links.isEmpty else { return document }
    do throws(ProbeFailure) {
      let gpus = try GPUDocument(bytes: ProbeRun.output(arguments: ["--gpus", "--stages"], limits: limits))
      return document.adding(gpus.links ?? [])
    } catch {
      return document
    }
  }

  /// The machine that an XML file describes: hwloc's, read by the helper, or NCCL's, read here.
  public static func load(
    fromXML path: String, limits: MonitorLimits = MonitorLimits()
  ) throws(ProbeFailure) -> TopologyDocument {
    let bytes = try TopologyFile.bytes(path)
    if TopologyFile.isNCCL(bytes) { return try TopologyDocument(json: NCCLTopology.document(bytes)) }
    return try TopologyDocument(
      bytes: ProbeRun.output(arguments: ["--topology-xml", path], limits: limits))
  }

  /// The machine that text in hwloc's synthetic notation denotes.
  public static func load(
    fromSynthetic text: String, limits: MonitorLimits = MonitorLimits()
  ) throws(ProbeFailure) -> TopologyDocument {
    try TopologyDocument(
      bytes: ProbeRun.output(arguments: ["--topology-synthetic", text], limits: limits))
  }
}
