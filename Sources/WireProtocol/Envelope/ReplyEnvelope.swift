/// Writes replies, one whole frame each: `{"id":7,"status":{"code":"OK"},"message":{}}`.
public enum ReplyEnvelope {
  /// - Parameter message: writes exactly one JSON value.
  @inline(__always)
  public static func write(id: UInt64, into writer: inout JSONWriter, message: (inout JSONWriter) -> Void) {
    begin(id, &writer)
    writer.key("status")
    writer.beginObject()
    writer.key("code")
    writer.string("OK")
    writer.endObject()
    writer.key("message")
    message(&writer)
    end(&writer)
  }

  public static func write(id: UInt64, message: JSONValue, into writer: inout JSONWriter) {
    write(id: id, into: &writer) { message.write(into: &$0) }
  }

  public static func write(id: UInt64, error: CallError, into writer: inout JSONWriter) {
    begin(id, &writer)
    writer.key("status")
    writer.beginObject()
    writer.key("code")
    writer.string(error.code.rawValue)
    writer.key("message")
    writer.string(error.message)
    if !error.details.isEmpty {
      writer.key("details")
      JSONValue.object(error.details).write(into: &writer)
    }
    writer.endObject()
    writer.key("message")
    writer.beginObject()
    writer.endObject()
    end(&writer)
  }

  /// One item of a stream: no status yet.
  public static func write(id: UInt64, item: JSONValue, into writer: inout JSONWriter) {
    begin(id, &writer)
    writer.key("message")
    item.write(into: &writer)
    end(&writer)
  }

  private static func begin(_ id: UInt64, _ writer: inout JSONWriter) {
    writer.beginFrame()
    writer.beginObject()
    writer.key("id")
    writer.integer(id)
  }

  private static func end(_ writer: inout JSONWriter) {
    writer.endObject()
    writer.endFrame()
  }
}
