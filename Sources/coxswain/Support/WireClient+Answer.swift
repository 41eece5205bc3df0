import WireClient
import WireProtocol

extension WireClient {
  /// Makes one call and returns the message of an OK reply; everything else ends the command.
  func answer(
    to method: WireMethod, _ message: JSONValue = [:], timeoutUs: Int
  ) throws(CommandFailure) -> JSONValue {
    let reply: Reply
    do throws(WireClientError) {
      reply = try call(method, message: message, timeoutUs: timeoutUs)
    } catch {
      throw CommandFailure(error)
    }
    if let error = reply.error { throw CommandFailure(error) }
    return reply.message
  }
}
