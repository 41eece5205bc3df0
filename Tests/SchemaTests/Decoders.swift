import Policy
import SchedulerCore
import Simulator
import WireProtocol

/// What our own decoders say about a message.
enum Decoders {
  /// Schemas with a decoder.
  static let schemas = [
    "step-v1", "step-reply-v1", "register-v1", "register-reply-v1", "plan-v1", "policy-v1", "profile-v1",
  ]

  /// nil when the message is accepted, else where and why not.
  static func refusal(_ schema: String, _ message: JSONValue) -> String? {
    switch schema {
    case "step-v1": step(message)
    case "step-reply-v1": stepReply(message)
    case "register-v1": call { () throws(CallError) in _ = try RegisterMessage.decode(message) }
    case "register-reply-v1": call { () throws(CallError) in _ = try RegisterReply.decode(message) }
    case "plan-v1": call { () throws(CallError) in _ = try PlanRequest.decode(message) }
    case "policy-v1": policy(message)
    case "profile-v1": call { () throws(CallError) in _ = try GPUProfile.decode(bytes: Array(message.text.utf8)) }
    default: nil
    }
  }

  private static func call(_ decode: () throws(CallError) -> Void) -> String? {
    do throws(CallError) { try decode() } catch { return error.message }
    return nil
  }

  private static func step(_ message: JSONValue) -> String? {
    var delta = StepDelta()
    return Array(message.text.utf8).withUnsafeBytes { bytes in
      do throws(StepRejection) { try StepCodec().decode(bytes, into: &delta) } catch {
        return "\(error.field): \(error.reason)"
      }
      return nil
    }
  }

  private static func stepReply(_ message: JSONValue) -> String? {
    var reply = StepReply()
    return Array(message.text.utf8).withUnsafeBytes { bytes in
      do throws(JSONError) { try reply.decode(bytes) } catch { return "\(error.pointer): \(error.message)" }
      return nil
    }
  }

  /// Rules that a schema can not state are no refusal here: unique class names, a default class among them, and shares
  /// that fit the allocation.
  private static func policy(_ message: JSONValue) -> String? {
    do throws(PolicyErrors) { _ = try PolicyDocument.decode(message) } catch {
      let unstated: Set = ["named twice", "unknown class", "does not fit the allocation"]
      let errors = error.errors.filter { !unstated.contains($0.message) }
      return errors.isEmpty ? nil : PolicyErrors(errors).description
    }
    return nil
  }
}
