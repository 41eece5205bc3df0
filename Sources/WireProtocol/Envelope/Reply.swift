/// A reply as a client reads it.
public struct Reply: Hashable, Sendable {
  public var id: UInt64
  /// nil for an item of a stream that goes on.
  public var code: StatusCode?
  public var message: JSONValue
  /// Set unless the code is OK or absent.
  public var error: CallError?

  public static func parse(
    _ payload: UnsafeRawBufferPointer, limits: WireLimits = WireLimits()
  ) throws(JSONError) -> Reply {
    let json = try JSONValue(parsing: payload, limits: limits)
    guard let id = json["id"]?.unsignedValue else {
      throw JSONError(offset: 0, message: "expected a reply with an id").under("id")
    }
    var reply = Reply(id: id, code: nil, message: json["message"] ?? .object([:]), error: nil)
    guard let status = json["status"] else { return reply }
    guard let name = status["code"]?.stringValue, let code = StatusCode(rawValue: name) else {
      throw JSONError(offset: 0, message: "expected a status code").under("code").under("status")
    }
    reply.code = code
    if code != .ok {
      reply.error = CallError(
        code, status["message"]?.stringValue ?? "", details: status["details"]?.objectValue ?? [:])
    }
    return reply
  }
}
