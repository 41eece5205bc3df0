import SchedulerCore
import WireProtocol

extension StepRejection {
  /// As a recording keeps it.
  var json: JSONValue { ["field": .string(field), "reason": .string(reason)] }
}
