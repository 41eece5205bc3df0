import EmbeddedText
import SchedulerCore
import WireProtocol

/// One GPU and model: how long iterations take and how much KV fits (Schemas/profile-v1.json).
public struct GPUProfile: Hashable, Sendable {
  public static let version = 1
  public static let defaultName = "h100-llama31-8b"
  /// Of a profile that does not say: PCIe 5 x16 in one direction, as it measures.
  public static let hostLinkBytesPerSDefault = 50_000_000_000
  private static let unit = "ms"

  /// Bytes of a description or a source.
  static let textMax = 2000
  /// Points of one curve of a table.
  static let pointsMax = 4096

  public var name: String
  public var description = ""
  /// Where the numbers come from.
  public var source = ""
  public var gpu: String
  public var modelID: String
  public var parameters: Int
  public var kvBytesPerToken: Int
  /// GPUs that share the model.
  public var tensorParallel = 1
  /// One direction of the link between the GPU and pinned host memory, bytes per second.
  public var hostLinkBytesPerS = Self.hostLinkBytesPerSDefault
  public var kvCapacityTokens: Int
  public var kvBlockTokens: Int
  public var stepTokens: Int
  public var sequences: Int
  public var length: Int
  public var time: IterationTimeModel

  /// Names of the profiles that are compiled in, in order.
  public static var names: [String] {
    EmbeddedFile.paths.compactMap { path in
      guard path.hasPrefix("Profiles/"), path.hasSuffix(".json") else { return nil }
      return String(path.dropFirst("Profiles/".count).dropLast(".json".count))
    }
  }

  /// A bundled profile by name; nil when there is none.
  public static func bundled(_ name: String) throws(CallError) -> GPUProfile? {
    guard let bytes = EmbeddedFile.bytes("Profiles/\(name).json") else { return nil }
    return try decode(bytes: bytes)
  }

  /// Reads a profile file. - Throws: INVALID_ARGUMENT with the field's pointer.
  public static func decode(bytes: [UInt8]) throws(CallError) -> GPUProfile {
    let json: JSONValue
    do throws(JSONError) { json = try JSONValue(parsing: bytes) } catch { throw .invalid(error) }
    let file = try MessageReader(json)
    _ = try file.integer("version", in: version...version)
    let model = try file.member("model")
    let limits = try file.member("limits")
    return GPUProfile(
      name: try file.string("name"), description: try file.string("description", maxBytes: textMax, default: ""),
      source: try file.string("source", maxBytes: textMax, default: ""), gpu: try file.string("gpu"),
      modelID: try model.string("id"), parameters: try model.integer("parameters", in: 0 ... .max),
      kvBytesPerToken: try model.integer("kv_bytes_per_token", in: 1 ... .max),
      tensorParallel: try file.integer("tensor_parallel", in: 1...65_536, default: 1),
      hostLinkBytesPerS: try file.integer(
        "host_link_bytes_per_s", in: 1 ... .max, default: hostLinkBytesPerSDefault),
      kvCapacityTokens: try file.integer("kv_capacity_tokens", in: 1 ... .max),
      kvBlockTokens: try file.integer("kv_block_tokens", in: 1...65_536),
      stepTokens: try limits.integer("step_tokens", in: 1...RegisterMessage.stepTokensMax),
      sequences: try limits.integer("sequences", in: 1...StepCodec.countMax),
      length: try limits.integer("length", in: 1...StepCodec.countMax),
      time: try time(file))
  }

  private static func time(_ file: MessageReader) throws(CallError) -> IterationTimeModel {
    let time = try file.member("iteration_time")
    let unit = try time.string("unit", default: unit)
    guard unit == Self.unit else {
      throw .invalid(field: time.pointer("unit"), "\"\(unit)\"; expected \"\(Self.unit)\"")
    }
    let form: IterationTimeModel.Form = try time.choice("form", default: .linear)
    return IterationTimeModel(
      form: form,
      decodeOnly: try coefficients(try time.member("decode_only")),
      withPrefill: try coefficients(try time.member("with_prefill")),
      overheadUs: try file.integer("engine_overhead_us", default: 0),
      table: form == .table ? try table(try time.member("table")) : nil)
  }

  private static func table(_ reader: MessageReader) throws(CallError) -> IterationTimeTable {
    IterationTimeTable(
      prefill: try curve(reader, "prefill_tokens", "prefill_ms"), decode: try curve(reader, "decodes", "decode_ms"),
      decodeContext: try number(reader, "decode_context_tokens"),
      context: try curve(reader, "context_tokens", "context_ms"), mixedFactor: try number(reader, "mixed_factor"))
  }

  private static func curve(
    _ reader: MessageReader, _ counts: String, _ times: String
  ) throws(CallError) -> TimeCurve {
    func numbers(_ name: String) throws(CallError) -> [Double] {
      let values = try reader.array(name, max: pointsMax).map(\.doubleValue)
      guard !values.contains(nil) else { throw .invalid(field: reader.pointer(name), "expected numbers") }
      return values.compactMap { $0 }
    }
    guard let curve = TimeCurve(x: try numbers(counts), ms: try numbers(times)) else {
      throw .invalid(
        field: reader.pointer(counts), "expected ascending numbers of at least 0, at least one, and as many in \(times)"
      )
    }
    return curve
  }

  private static func number(_ reader: MessageReader, _ name: String) throws(CallError) -> Double {
    guard let json = reader.object[name], let number = json.doubleValue, number >= 0 else {
      throw .invalid(field: reader.pointer(name), "missing or wrong; expected a number, at least 0")
    }
    return number
  }

  private static func coefficients(_ reader: MessageReader) throws(CallError) -> IterationTimeModel.Coefficients {
    func value(_ name: String) throws(CallError) -> Double {
      guard let json = reader.object[name] else { return 0 }
      guard let number = json.doubleValue, number >= 0 else {
        throw .invalid(field: reader.pointer(name), "\(json.text); expected a number, at least 0")
      }
      return number
    }
    return IterationTimeModel.Coefficients(
      a: try value("a"), b0: try value("b0"), b: try value("b"), c: try value("c"), g: try value("g"),
      d: try value("d"), e: try value("e"), f: try value("f"), h: try value("h"))
  }
}
