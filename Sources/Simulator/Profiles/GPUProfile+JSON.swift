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
    object["kv_capacity_tokens"] = JSONValue(kvCapacityTokens)
    object["kv_block_tokens"] = JSONValue(kvBlockTokens)
    object["engine_overhead_us"] = JSONValue(time.overheadUs)
    object["limits"] = [
      "step_tokens": JSONValue(stepTokens), "sequences": JSONValue(sequences), "length": JSONValue(length),
    ]
    object["iteration_time"] = [
      "form": .string(time.form.rawValue), "unit": "ms", "decode_only": Self.json(time.decodeOnly, time.form),
      "with_prefill": Self.json(time.withPrefill, time.form),
    ]
    return .object(object)
  }

  private static func json(_ k: IterationTimeModel.Coefficients, _ form: IterationTimeModel.Form) -> JSONValue {
    switch form {
    case .linear: ["a": .number(k.a), "b": .number(k.b), "c": .number(k.c), "d": .number(k.d), "e": .number(k.e)]
    case .roofline:
      [
        "a": .number(k.a), "b0": .number(k.b0), "b": .number(k.b), "c": .number(k.c), "g": .number(k.g),
        "d": .number(k.d), "e": .number(k.e), "f": .number(k.f),
      ]
    }
  }
}
