import SchedulerCore

/// The stateless `Plan` call: an engine and its whole queue in one message, an optional policy beside them.
public struct PlanRequest: Sendable {
  public var engine: EngineDescription
  public var step: StepDelta
  public var policy: JSONValue?

  /// - Throws: INVALID_ARGUMENT with the field's pointer. `epoch` and `seq` of the Step may be left out.
  public static func decode(_ json: JSONValue, limits: MirrorLimits = MirrorLimits()) throws(CallError) -> PlanRequest {
    let message = try MessageReader(json)
    let engine = try RegisterMessage.decode(.object(try message.member("register").object), path: "/register")
    var step = try message.member("step").object
    step["epoch"] = 0
    step["seq"] = 1
    if step["now_us"] == nil { step["now_us"] = JSONValue(engine.nowUs) }
    var writer = JSONWriter()
    JSONValue.object(step).write(into: &writer)
    var delta = StepDelta()
    let rejection = writer.bytes.withUnsafeBytes { bytes -> StepRejection? in
      do throws(StepRejection) {
        try StepCodec(limits: limits).decode(bytes, into: &delta)
        return nil
      } catch { return error }
    }
    if let rejection { throw .invalid(field: "/step\(rejection.field)", rejection.reason) }
    return PlanRequest(engine: engine, step: delta, policy: message.object["policy"])
  }
}
