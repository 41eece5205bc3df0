import SchedulerCore
import WireProtocol

/// Something that happens to an instance at a time that a file says.
public struct ScriptedEvent: Hashable, Sendable {
  public enum Kind: Hashable, Sendable {
    /// From now on, host memory is this tight.
    case memoryPressure(MemoryPressureLevel)
    /// The GPU is gone with everything on it, and back, empty, after so many microseconds.
    case gpuLoss(downUs: Int64)
  }

  static let eventsMax = 10_000
  static let secondsMax = 1e8

  public var atUs: Int64
  /// Index of the instance.
  public var instance: Int
  public var kind: Kind

  public init(atUs: Int64, instance: Int, kind: Kind) {
    self.atUs = atUs
    self.instance = instance
    self.kind = kind
  }

  /// Reads `{"events":[{"at_s","kind":"memory_pressure","level"},{"at_s","kind":"gpu_loss","down_s"}]}`, each with
  /// "instance", 0 unless given. In order of time.
  public static func decode(bytes: [UInt8], instances: Int) throws(WorkloadError) -> [ScriptedEvent] {
    do {
      let file = try MessageReader(try JSONValue(parsing: bytes))
      var events: [ScriptedEvent] = []
      for (index, json) in try file.array("events", max: eventsMax).enumerated() {
        events.append(try decode(try MessageReader(json, path: "/events/\(index)"), instances))
      }
      return events.enumerated().sorted { ($0.element.atUs, $0.offset) < ($1.element.atUs, $1.offset) }.map(\.element)
    } catch let error as CallError {
      throw .invalidEvents(message: error.message)
    } catch {
      throw .invalidEvents(message: "\((error as? JSONError)?.message ?? "\(error)")")
    }
  }

  private static func decode(_ reader: MessageReader, _ instances: Int) throws(CallError) -> ScriptedEvent {
    let kind: Kind
    switch try reader.string("kind") {
    case "memory_pressure":
      kind = .memoryPressure(try level(reader))
    case "gpu_loss":
      kind = .gpuLoss(downUs: try us(reader, "down_s"))
    case let other:
      throw .invalid(field: reader.pointer("kind"), "\"\(other)\"; expected memory_pressure or gpu_loss")
    }
    return ScriptedEvent(
      atUs: try us(reader, "at_s"), instance: try reader.integer("instance", in: 0...instances - 1, default: 0),
      kind: kind)
  }

  private static func level(_ reader: MessageReader) throws(CallError) -> MemoryPressureLevel {
    let name = try reader.string("level")
    guard let level = MemoryPressureLevel(rawValue: name) else {
      let names = MemoryPressureLevel.allCases.map(\.rawValue).joined(separator: ", ")
      throw .invalid(field: reader.pointer("level"), "\"\(name)\"; expected one of \(names)")
    }
    return level
  }

  private static func us(_ reader: MessageReader, _ name: String) throws(CallError) -> Int64 {
    guard let seconds = reader.object[name]?.doubleValue, seconds >= 0, seconds <= secondsMax else {
      throw .invalid(field: reader.pointer(name), "missing or wrong; expected seconds, 0 to \(secondsMax)")
    }
    return Int64(seconds * 1_000_000)
  }
}
