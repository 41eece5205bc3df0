import CShim
import Glibc

/// The kernel's own watch on memory pressure: a descriptor that becomes urgent when tasks waited too long for memory,
/// so that a look comes at once instead of with the next interval.
final class PressureTrigger {
  /// Shortest window that a process without privileges may ask for (kernel: Documentation/accounting/psi.rst).
  private static let windowUs: Int64 = 2_000_000

  let descriptor: Int32

  /// - Parameter someCentipercent: share of the window in which some task waited, in hundredths of a percent.
  /// nil where the kernel offers none.
  init?(procRoot: String, someCentipercent: Int) {
    descriptor = cox_pressure_trigger(procRoot, Self.windowUs * Int64(someCentipercent) / 10_000, Self.windowUs)
    guard descriptor >= 0 else { return nil }
  }

  deinit {
    // Nothing was written that could be lost; without a trigger there is nothing to close.
    if descriptor >= 0 { close(descriptor) }
  }
}
