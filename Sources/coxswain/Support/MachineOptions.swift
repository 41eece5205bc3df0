import ArgumentParser
import Glibc
import WireClient
import WireProtocol

/// Whose view of the machine a command shows.
struct MachineOptions: ParsableArguments {
  @Flag(help: "Look from this process; ask no sidecar.") var local = false

  /// The sidecar's answer, or a look from this process when no sidecar was named and none runs.
  func document(
    _ method: WireMethod, _ connection: ConnectionOptions, local look: () throws(CommandFailure) -> JSONValue
  ) throws(CommandFailure) -> JSONValue {
    if local { return try look() }
    let isNamed = connection.runtimeDir != nil || getenv(RuntimeDirectory.environmentName) != nil
    do throws(CommandFailure) {
      return try connection.connectToAdmin().answer(to: method, timeoutUs: connection.timeoutUs)
    } catch {
      guard error.status == .unreachable, !isNamed else { throw error }
      StandardError.line("coxswain: no sidecar runs; this process looked at the machine")
      return try look()
    }
  }
}
