import SchedulerCore
import WireProtocol

@testable import Simulator

/// What a scheduler planned, Step by Step, and what the engine told it.
final class PlanLog {
  struct Entry {
    var requeue: [RequestHandle] = []
    /// The running requests that decode without being named, then the named ones.
    var decodesAll = false
    var run: [(h: RequestHandle, n: Int)] = []
    /// Requests whose drafts lie in a tree.
    var trees = 0
    var arrived: [RequestHandle] = []
    var freeBlocks = 0
  }

  var entries: [Entry] = []
}
