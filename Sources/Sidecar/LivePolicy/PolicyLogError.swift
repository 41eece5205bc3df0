import Glibc

/// Why policies cannot be kept on disk.
struct PolicyLogError: Error, CustomStringConvertible {
  var description: String

  /// - Parameter number: `errno`, or 0.
  init(_ what: String, _ number: CInt) {
    description = number == 0 ? what : "\(what): \(String(cString: strerror(number)))"
  }
}
