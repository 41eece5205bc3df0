import Glibc
import WireProtocol

/// Bytes received and not yet handed out. Grows to the largest frame seen and is reused from then on.
struct ReceiveBuffer: ~Copyable {
  private static let initialBytes = 64 << 10
  private var storage = UnsafeMutableRawBufferPointer.allocate(byteCount: initialBytes, alignment: 16)
  private var start = 0
  private var end = 0

  deinit { storage.deallocate() }

  var count: Int { end - start }

  /// The bytes not yet handed out; valid until the buffer is next changed.
  var pending: UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: storage[start..<end]) }

  /// Room for more, so that `needed` bytes from the first pending one fit.
  mutating func room(for needed: Int) -> UnsafeMutableRawBufferPointer {
    if start == end {
      start = 0
      end = 0
    }
    if storage.count - start < needed { makeRoom(needed) }
    return UnsafeMutableRawBufferPointer(rebasing: storage[end...])
  }

  mutating func filled(_ count: Int) { end += count }

  /// Hands out the next `count` bytes; they stay valid until `room` is called.
  mutating func take(_ count: Int) -> UnsafeRawBufferPointer {
    let taken = UnsafeRawBufferPointer(rebasing: storage[start..<(start + count)])
    start += count
    return taken
  }

  private mutating func makeRoom(_ needed: Int) {
    if storage.count < needed {
      let larger = UnsafeMutableRawBufferPointer.allocate(byteCount: max(needed, 2 * storage.count), alignment: 16)
      larger.copyMemory(from: pending)
      storage.deallocate()
      storage = larger
    } else if let base = storage.baseAddress {
      memmove(base, base + start, count)
    }
    end -= start
    start = 0
  }
}
