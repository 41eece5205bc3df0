import Simulator

/// Progress over all the runs of a simulation: each counts for as much as its requests.
final class RunMeter {
  private let runs: Int
  private let startNs = MonotonicClock.nowNs()
  private var bar = ProgressBar()
  /// Runs of the contenders that are through.
  private var finished = 0
  /// Run of the present contender, told by its name.
  private var run = 0
  private var lastName = ""

  init(runs: Int) { self.runs = runs }

  func show(_ name: String, _ progress: RunProgress) {
    if name != lastName, !lastName.isEmpty { run += 1 }
    lastName = name
    let total = progress.totalRequests
    bar.show(
      done: (finished + run) * (total ?? 0) + progress.finishedRequests, total: total.map { runs * $0 },
      unit: "requests", note: name, elapsedUs: (MonotonicClock.nowNs() - startNs) / 1000)
  }

  /// The next contender's turn, after so many runs of this one.
  func next(_ runs: Int) {
    finished += runs
    run = 0
    lastName = ""
  }

  func finish() { bar.finish() }
}
