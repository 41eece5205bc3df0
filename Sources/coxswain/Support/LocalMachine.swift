import Glibc
import HardwareProbes
import WireClient
import WireProtocol

/// Looks at this machine from this process, for the commands that can do without a sidecar.
enum LocalMachine {
  private static let pollIntervalUs: UInt32 = 20_000
  /// Longest wait for the helper; it has a shorter deadline of its own.
  private static let topologyTimeoutUs = 10_000_000

  /// One snapshot. The topology comes from the helper, which takes a moment.
  static func snapshot() throws(CommandFailure) -> JSONValue {
    let monitor = ResourceMonitor()
    do throws(MonitorError) { try monitor.start() } catch { throw CommandFailure(.failed, error.description) }
    defer { monitor.stop() }
    let deadlineUs = MonotonicClock.nowUs() + topologyTimeoutUs
    while !monitor.isComplete, MonotonicClock.nowUs() < deadlineUs {
      usleep(pollIntervalUs)
    }
    return monitor.snapshot()
  }

  static func topology() throws(CommandFailure) -> JSONValue {
    do throws(ProbeFailure) { return try TopologyDocument.ofThisMachine().json } catch {
      throw CommandFailure(.failed, error.description)
    }
  }

  static func topology(fromSynthetic text: String) throws(CommandFailure) -> JSONValue {
    do throws(ProbeFailure) { return try TopologyDocument.load(fromSynthetic: text).json } catch {
      throw CommandFailure(.failed, error.description)
    }
  }

  static func topology(fromXML path: String) throws(CommandFailure) -> JSONValue {
    guard access(path, R_OK) == 0 else {
      throw CommandFailure(.failed, "\(path): \(String(cString: strerror(errno)))")
    }
    do throws(ProbeFailure) { return try TopologyDocument.load(fromXML: path).json } catch {
      throw CommandFailure(.failed, "\(path): \(error.description)")
    }
  }
}
