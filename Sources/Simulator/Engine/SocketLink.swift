import SchedulerCore
import WireClient
import WireProtocol

/// A sidecar behind its socket, by the real protocol.
public struct SocketLink: SchedulerLink {
  /// The reference engine runs in virtual time, so a slow machine must not cost it plans.
  public static let timeoutUs = 30_000_000

  public private(set) var policyName = "sidecar"
  private let client: WireClient
  private var writer = JSONWriter()
  private var takesPrefixes = false

  /// - Parameter path: of the engine socket.
  public init(path: String) throws(EngineRunError) {
    do throws(WireClientError) { client = try WireClient(path: path) } catch { throw .link(error) }
  }

  public mutating func register(_ engine: EngineDescription) throws(EngineRunError) -> UInt64 {
    let reply = try call(.register, RegisterMessage.encode(engine))
    do throws(CallError) {
      let registered = try RegisterReply.decode(reply)
      takesPrefixes = registered.takesPrefixes
      return registered.epoch
    } catch { throw .refused(seq: 0, error: error) }
  }

  public mutating func step(_ delta: StepDelta, into reply: inout StepReply) throws(EngineRunError) {
    var delta = delta
    if !takesPrefixes {
      delta.arrived.removePrefixes()
      delta.kvCachedBlocks.removeAll()
    }
    let id = client.nextID()
    writer.removeAll()
    RequestWriter.write(id: id, method: WireMethod.step.rawValue, timeoutUs: Self.timeoutUs, into: &writer) {
      StepCodec.encode(delta, into: &$0)
    }
    let payload: UnsafeRawBufferPointer
    do throws(WireClientError) {
      try client.send(frames: writer, timeoutUs: Self.timeoutUs)
      payload = try client.receive(timeoutUs: Self.timeoutUs)
    } catch { throw .link(error) }
    try Self.read(payload, id, delta.seq, into: &reply)
  }

  private static func read(
    _ payload: UnsafeRawBufferPointer, _ id: UInt64, _ seq: UInt64, into reply: inout StepReply
  ) throws(EngineRunError) {
    let head: ReplyHead
    let refusal: CallError
    do throws(JSONError) { head = try ReplyHead.parse(payload) } catch {
      throw .badReply(seq: seq, reason: error.message)
    }
    guard head.id == id else { throw .outOfOrder(expected: id, found: head.id) }
    do throws(JSONError) {
      if head.isOK { return try reply.decode(UnsafeRawBufferPointer(rebasing: payload[head.message])) }
      refusal = try Reply.parse(payload).error ?? CallError(.unknown, "a reply without a status")
    } catch { throw .badReply(seq: seq, reason: error.message) }
    throw .refused(seq: seq, error: refusal)
  }

  public mutating func finish() {
    // A sidecar that is gone already has nothing to unregister.
    _ = try? call(.unregister, [:])
    client.close()
  }

  private func call(_ method: WireMethod, _ message: JSONValue) throws(EngineRunError) -> JSONValue {
    let reply: Reply
    do throws(WireClientError) {
      reply = try client.call(method, message: message, timeoutUs: Self.timeoutUs)
    } catch { throw .link(error) }
    if let error = reply.error { throw .refused(seq: 0, error: error) }
    return reply.message
  }
}
