import SchedulerCore
import WireProtocol

extension RequestView {
  /// As Admin/Requests shows it.
  var json: JSONValue {
    [
      "h": JSONValue(h), "id": .string(id), "tenant": .string(tenant), "class": .string(className),
      "running": .bool(running), "blocked": .bool(blocked), "prompt": JSONValue(promptTokens),
      "max_output": JSONValue(maxOutputTokens), "computed": JSONValue(computedTokens),
      "output": JSONValue(outputTokens), "age_us": JSONValue(ageUs),
    ]
  }
}
