/// Just enough of a reply to go on without building a tree: what engines read every iteration.
public struct ReplyHead: Sendable {
  public var id: UInt64 = 0
  public var isOK = false
  /// Where the message lies in the payload.
  public var message: Range<Int> = 0..<0

  public static func parse(
    _ payload: UnsafeRawBufferPointer, limits: WireLimits = WireLimits()
  ) throws(JSONError) -> ReplyHead {
    var head = ReplyHead()
    var reader = try JSONReader(payload, depthLimit: limits.depth)
    try reader.object { (key, reader) throws(JSONError) in
      if key.equals("id") {
        head.id = try reader.unsigned()
      } else if key.equals("message") {
        head.message = try reader.skipValue()
      } else if key.equals("status") {
        try reader.object { (key, reader) throws(JSONError) in
          if key.equals("code") {
            head.isOK = try reader.word().equals("OK")
          } else {
            try reader.skipValue()
          }
        }
      } else {
        try reader.skipValue()
      }
    }
    try reader.finish()
    return head
  }
}
