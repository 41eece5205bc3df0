import Glibc
import NIOPosix
import Synchronization
import WireClient
import WireProtocol

/// Ten changes of policy a second, every third one invalid, from a connection and a thread of its own.
final class ReloadStorm: Sendable {
  static let changesPerS = 10
  /// Presets that take turns: each change but a refused one puts the whole queue in another order.
  static let presets = ["goodput", "vllm-v1-priority", "balanced", "vtc", "edf", "vllm-v1"]

  private struct State {
    var isOver = false
    var failure: CommandFailure?
    /// Nanoseconds on the session's event loop, one for each change that was applied.
    var switchesNs: [Int] = []
    var refused = 0
  }

  private let state = Mutex(State())
  private let pool = NIOThreadPool(numberOfThreads: 1)

  /// Starts at once.
  init(adminSocket: String) {
    pool.start()
    pool.submit { [self] _ in
      do throws(CommandFailure) { try run(adminSocket) } catch { state.withLock { $0.failure = error } }
    }
  }

  /// Ends it. - Returns: how long each change took on the event loop, and how many were refused.
  func stop() throws(CommandFailure) -> (switchesNs: [Int], refused: Int) {
    state.withLock { $0.isOver = true }
    // Waits for the change that is under way.
    try? pool.syncShutdownGracefully()
    let last = state.withLock { $0 }
    if let failure = last.failure { throw failure }
    return (last.switchesNs, last.refused)
  }

  private func run(_ adminSocket: String) throws(CommandFailure) {
    let admin: WireClient
    do throws(WireClientError) { admin = try WireClient(path: adminSocket) } catch { throw CommandFailure(error) }
    var turn = 0
    while !state.withLock({ $0.isOver }) {
      turn += 1
      let isInvalid = turn.isMultiple(of: 3)
      let policy: JSONValue =
        isInvalid
        ? ["version": 1, "name": "storm", "batch": ["step_token": 1]]
        : ["version": 1, "name": "storm-\(turn)", "preset": .string(Self.presets[turn % Self.presets.count])]
      let reply: Reply
      do throws(WireClientError) { reply = try admin.call(.policyApply, message: ["policy": policy]) } catch {
        throw CommandFailure(error)
      }
      try note(reply, isInvalid: isInvalid)
      usleep(UInt32(1_000_000 / Self.changesPerS))
    }
  }

  private func note(_ reply: Reply, isInvalid: Bool) throws(CommandFailure) {
    guard (reply.error == nil) != isInvalid else {
      throw CommandFailure(.failed, "bench: an \(isInvalid ? "invalid" : "valid") policy was not taken for one")
    }
    let us = reply.message["longest_switch_us"]?.integerValue
    state.withLock { state in
      if let us { state.switchesNs.append(us * 1_000) } else { state.refused += 1 }
    }
  }
}
