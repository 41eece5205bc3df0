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

  /// This machine, read by running the helper once. Waits for it, at most until its deadline.
  public static func ofThisMachine(limits: MonitorLimits = MonitorLimits()) throws(ProbeFailure)
    -> TopologyDocument
  {
    try TopologyDocument(bytes: ProbeRun.output(arguments: [], limits: limits))
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
