import WireProtocol

/// GPUs that must not be given work: one that fell off the bus, needs a reset or reported XID 79, until an enumeration
/// finds it well. One that faults again and again is kept out for the life of this process. By UUID: numbers and
/// addresses may be another GPU's after a repair.
struct GPUQuarantine: Sendable {
  /// Enumerations with a fault after which a GPU is not taken back.
  static let faultsMax = 3
  /// "GPU has fallen off the bus."
  static let fatalXID = 79

  private struct Record: Sendable {
    var faults = 0
    /// Enumeration of the last fault.
    var enumeration = -1
    var why = ""
  }

  private var enumeration = 0
  private var records: [String: Record] = [:]
  /// UUID of each number in this enumeration, and of each PCI address ever.
  private var uuidByIndex: [Int: String] = [:]
  private var uuidByAddress: [String: String] = [:]

  /// The library is opened anew: what was wrong before must show again.
  mutating func enumerate() {
    enumeration += 1
    uuidByIndex.removeAll()
  }

  mutating func observe(_ document: GPUDocument) {
    for (index, gpu) in document.gpus.enumerated() {
      let address = gpu.figures["bus_id"]?.value?.stringValue
      if let uuid = gpu.figures["uuid"]?.value?.stringValue {
        uuidByIndex[index] = uuid
        if let address { uuidByAddress[address] = uuid }
      }
      let uuid = uuidByIndex[index] ?? address.flatMap { uuidByAddress[$0] }
      guard let uuid, let why = Self.fault(gpu) else { continue }
      var record = records[uuid] ?? Record()
      if record.enumeration != enumeration { record.faults += 1 }
      record.enumeration = enumeration
      record.why = why
      records[uuid] = record
    }
  }

  /// Whether a GPU faulted since the library was opened.
  var hasFaults: Bool { records.values.contains { $0.enumeration == enumeration } }

  /// The UUID behind a number whose own answer is lost.
  func uuid(index: Int) -> String? { uuidByIndex[index] }

  /// Why the GPU is kept out; nil if it is not.
  func reason(uuid: String) -> String? {
    guard let record = records[uuid] else { return nil }
    if record.faults >= Self.faultsMax { return "\(record.why), in \(record.faults) enumerations" }
    return record.enumeration == enumeration ? record.why : nil
  }

  private static func fault(_ gpu: GPUDocument.GPU) -> String? {
    switch gpu.fault {
    case 15: return "it is lost"
    case 16: return "it needs a reset"
    case let code?: return "error \(code)"
    case nil: break
    }
    guard gpu.figures["xid_last"]?.value?.integerValue == fatalXID else { return nil }
    return "XID \(fatalXID): it has fallen off the bus"
  }
}
