import Policy
import SchedulerCore
import WireProtocol

/// `Scheduler/Plan`: one plan for a queue that comes whole, without a session. Also what `coxswain plan` runs.
public enum StatelessPlan {
  /// - Parameters:
  ///   - message: a Register, a first Step and, optionally, a policy.
  ///   - policy: used when the message has none.
  public static func answer(
    _ message: JSONValue, policy: PolicyDocument, resources: ResourceSnapshot, limits: MirrorLimits = MirrorLimits()
  ) throws(CallError) -> JSONValue {
    // There is no second Step to bring the rest: the whole queue arrives in this one.
    var limits = limits
    limits.arrivedPerStep = limits.running + limits.waiting
    let request = try PlanRequest.decode(message, limits: limits)
    let document = try request.policy.map { json throws(CallError) in try Self.policy(json) } ?? policy
    let config = document.tailored(to: request.engine.model.id).config
    var core = SchedulerCore(engine: request.engine, policy: config, limits: limits)
    do throws(StepRejection) { try core.apply(request.step) } catch {
      throw .invalid(field: "/step\(error.field)", error.reason)
    }
    var plan = StepPlan()
    core.plan(resources: resources, into: &plan)
    if let violation = core.planViolations(plan).first {
      throw CallError(.internalError, "plan withheld: \(violation)", details: ["reason": "INVARIANT"])
    }
    var writer = JSONWriter()
    StepReplyCodec.encode(epoch: 0, seq: 1, plan: plan, into: &writer)
    do throws(JSONError) { return try JSONValue(parsing: writer.bytes) } catch {
      throw CallError(.internalError, "plan is no JSON: \(error.message)")
    }
  }

  private static func policy(_ json: JSONValue) throws(CallError) -> PolicyDocument {
    do throws(PolicyErrors) { return try PolicyDocument.decode(json) } catch {
      let first = error.errors[0]
      throw CallError(
        .invalidArgument, "/policy\(first.pointer): \(first.message)",
        details: [
          "field": .string("/policy\(first.pointer)"), "reason": "INVALID_POLICY",
          "errors": .array(error.errors.map(\.json)),
        ])
    }
  }
}
