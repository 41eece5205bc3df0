/// Writes requests, one whole frame each: what clients send.
public enum RequestWriter {
  /// - Parameter message: writes exactly one JSON object.
  @inline(__always)
  public static func write(
    id: UInt64, method: String, timeoutUs: Int?, into writer: inout JSONWriter, message: (inout JSONWriter) -> Void
  ) {
    writer.beginFrame()
    writer.beginObject()
    writer.key("id")
    writer.integer(id)
    writer.key("method")
    writer.string(method)
    if let timeoutUs {
      writer.key("timeout_us")
      writer.integer(timeoutUs)
    }
    writer.key("message")
    message(&writer)
    writer.endObject()
    writer.endFrame()
  }

  public static func writeCancel(id: UInt64, into writer: inout JSONWriter) {
    writer.beginFrame()
    writer.beginObject()
    writer.key("id")
    writer.integer(id)
    writer.key("cancel")
    writer.bool(true)
    writer.endObject()
    writer.endFrame()
  }
}
