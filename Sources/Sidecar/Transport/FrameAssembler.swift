import NIOCore
import WireProtocol

/// Cuts a byte stream into frames. The length is checked as soon as the header is there, before anything is stored.
struct FrameAssembler {
  private var buffer = ByteBuffer()
  let limits: WireLimits

  init(limits: WireLimits) { self.limits = limits }

  /// Bytes of a frame that is not complete yet.
  var isPartial: Bool { buffer.readableBytes > 0 }

  mutating func append(_ chunk: ByteBuffer) {
    if buffer.readableBytes == 0 {
      buffer = chunk
    } else {
      var chunk = chunk
      buffer.discardReadBytes()
      buffer.writeBuffer(&chunk)
    }
  }

  /// Hands the next complete frame's payload, and the bytes behind it, to `body`. False when there is none yet.
  /// - Throws: when framing is lost: answer, then close.
  mutating func next(
    _ body: (_ payload: UnsafeRawBufferPointer, _ rest: UnsafeRawBufferPointer) -> Void
  ) throws(CallError) -> Bool {
    guard let length = try Self.completeLength(buffer.readableBytesView, limits) else { return false }
    buffer.withUnsafeReadableBytes { bytes in
      let end = FrameHeader.byteCount + length
      body(
        UnsafeRawBufferPointer(rebasing: bytes[FrameHeader.byteCount..<end]),
        UnsafeRawBufferPointer(rebasing: bytes[end...]))
    }
    buffer.moveReaderIndex(forwardBy: FrameHeader.byteCount + length)
    return true
  }

  /// The first complete payload in `bytes`, if there is one: to look whether a cancel waits behind a Step.
  static func peek(_ bytes: UnsafeRawBufferPointer, limits: WireLimits) -> UnsafeRawBufferPointer? {
    guard bytes.count >= FrameHeader.byteCount,
      let length = try? FrameHeader.payloadLength(bytes, limits: limits),
      bytes.count >= FrameHeader.byteCount + length
    else { return nil }
    return UnsafeRawBufferPointer(rebasing: bytes[FrameHeader.byteCount..<(FrameHeader.byteCount + length)])
  }

  private static func completeLength(_ view: ByteBufferView, _ limits: WireLimits) throws(CallError) -> Int? {
    guard view.count >= FrameHeader.byteCount else { return nil }
    let header = InlineArray<5, UInt8> { view[view.startIndex + $0] }
    let length = try Self.length(header, limits)
    return view.count >= FrameHeader.byteCount + length ? length : nil
  }

  private static func length(_ header: InlineArray<5, UInt8>, _ limits: WireLimits) throws(CallError) -> Int {
    var copy = header
    let result = withUnsafeBytes(of: &copy) { bytes -> Result<Int, CallError> in
      do throws(CallError) { return .success(try FrameHeader.payloadLength(bytes, limits: limits)) } catch {
        return .failure(error)
      }
    }
    return try result.get()
  }
}
