import ArgumentParser
import WireClient

/// Which sidecar to ask, and how long to wait for it.
struct ConnectionOptions: ParsableArguments {
  static let timeoutRangeMs = 1...600_000

  @Option(
    help: ArgumentHelp(
      "Directory of the sidecar's sockets (default: $COXSWAIN_RUNTIME_DIR, /run/coxswain, $XDG_RUNTIME_DIR/coxswain).",
      valueName: "dir"))
  var runtimeDir: String?

  @Option(help: ArgumentHelp("Longest wait for an answer, in milliseconds.", valueName: "ms"))
  var timeoutMs = 5000

  func validate() throws {
    guard Self.timeoutRangeMs.contains(timeoutMs) else {
      throw ValidationError("--timeout-ms \(timeoutMs): expected \(Self.timeoutRangeMs)")
    }
  }

  var directory: RuntimeDirectory { .forConnecting(option: runtimeDir) }
  var timeoutUs: Int { timeoutMs * 1000 }

  func connect(to path: String) throws(CommandFailure) -> WireClient {
    do throws(WireClientError) {
      return try WireClient(path: path, connectTimeoutMs: timeoutMs)
    } catch {
      throw CommandFailure(error)
    }
  }

  func connectToAdmin() throws(CommandFailure) -> WireClient { try connect(to: directory.adminSocket) }
}
