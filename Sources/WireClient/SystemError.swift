import Glibc

/// Words for an `errno`.
enum SystemError {
  private static let textBytes = 128

  static func text(_ number: Int32) -> String {
    withUnsafeTemporaryAllocation(of: CChar.self, capacity: textBytes) { buffer in
      // The variant that <string.h> declares may ignore the buffer; both return or fill a terminated string.
      guard let base = buffer.baseAddress, strerror_r(number, base, buffer.count) == 0 else {
        return "error \(number)"
      }
      return String(cString: base)
    }
  }
}
