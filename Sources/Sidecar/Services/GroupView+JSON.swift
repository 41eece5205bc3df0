import SchedulerCore
import WireProtocol

extension GroupView {
  /// As Admin/Status shows it.
  var json: JSONValue {
    [
      "class": .string(className), "adapter": .string(adapter), "ttft_slo_ms": JSONValue(ttftSLOMs),
      "tpot_slo_ms": JSONValue(tpotSLOMs), "waiting": JSONValue(waiting), "prompt_tokens": JSONValue(promptTokens),
      "output_tokens": JSONValue(outputTokens), "oldest_us": JSONValue(oldestUs), "wait_us": JSONValue(wait.meanUs),
      "wait_most_us": JSONValue(wait.boundUs), "in_slo_ratio": .number(Double(inSLOPpm) / 1_000_000),
    ]
  }
}
