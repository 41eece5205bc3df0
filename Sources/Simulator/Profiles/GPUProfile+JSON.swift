import SchedulerCore
import WireProtocol

extension GPUProfile {
  /// The profile as a file has it (Schemas/profile-v1.json).
  public var json: JSONValue {
    var object: JSONObject = ["version": JSONValue(Self.version), "name": .string(name)]
    if !description.isEmpty { object["description"] = .string(description) }
    if !source.isEmpty { object["source"] = .string(source) }
    object["gpu"] = .string(gpu)
    object["model"] = [
      "id": .string(modelID), "parameters": JSONValue(parameters), "kv_bytes_per_token": JSONValue(kvBytesPerToken),
    ]
    object["tensor_parallel"] = JSONValue(tensorParallel)
    object["host_link_bytes_per_s"] = JSONValue(hostLinkBytesPerS)
    object["kv_capacity_tokens"] = JSONValue(kvCapacityTokens)
    object["kv_block_tokens"] = JSONValue(kvBlockTokens)
    object["engine_overhead_us"] = JSONValue(time.overheadUs)
    object["limits"] = [
      "step_tokens": JSONValue(stepTokens), "sequences": JSONValue(sequences), "length": JSONValue(length),
    ]
    var iterationTime: JSONObject = [
      "form": .string(time.form.rawValue), "unit": "ms", "decode_only": Self.json(time.decodeOnly, time.form),
      "with_prefill": Self.json(time.withPrefill, time.form),
    ]
    if let table = time.table { iterationTime["table"] = Self.json(table) }
    object["iteration_time"] = .object(iterationTime)
    return .object(object)
  }

  private static func json(_ table: IterationTimeTable) -> JSONValue {
    func numbers(_ values: [Double]) -> JSONValue { .array(values.map { .number($0) }) }
    return [
      "prefill_tokens": numbers(table.prefill.x), "prefill_ms": numbers(table.prefill.ms),
      "decodes": numbers(table.decode.x), "decode_ms": numbers(table.decode.ms),
      "decode_context_tokens": .number(table.decodeContext), "context_tokens": numbers(table.context.x),
      "context_ms": numbers(table.context.ms), "mixed_factor": .number(table.mixedFactor),
    ]
  }

  private static func json(_ k: IterationTimeModel.Coefficients, _ form: IterationTimeModel.Form) -> JSONValue {
    var members: [(String, Double)] =
      switch form {
      case .linear, .table: [("a", k.a), ("b", k.b), ("c", k.c), ("d", k.d), ("e", k.e)]
      case .roofline:
        [
          ("a", k.a), ("b0", k.b0), ("b", k.b), ("c", k.c), ("g", k.g), ("d", k.d), ("e", k.e), ("f", k.f),
        ]
      }
    if k.h > 0 { members.append(("h", k.h)) }
    return .object(JSONObject(members.map { JSONObject.Member($0, .number($1)) }))
  }
}
