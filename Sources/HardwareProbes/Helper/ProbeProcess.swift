import Glibc

/// One run of the helper in a process group of its own, driven by its owner: `advance` never waits. Whatever happens,
/// the group is killed at the deadline. Belongs to one thread.
final class ProbeProcess {
  private enum Phase {
    case running
    /// Killed; its end is awaited until the time given, then it counts as stuck.
    case killed(why: ProbeFailure, untilMs: Int)
    case finished
  }

  let pid: pid_t
  private let output: OutputPipe
  private let errors: OutputPipe
  /// What it is doing, as far as it told.
  private(set) var stage: String?
  private var stageStartedMs: Int
  private let limits: MonitorLimits
  private var phase = Phase.running
  private var exitStatus: Int32?

  init(path: String, arguments: [String], limits: MonitorLimits, nowMs: Int) throws(ProbeFailure) {
    let output: OutputPipe
    let errors: OutputPipe
    do throws(MonitorError) {
      output = try OutputPipe(limit: limits.helperOutputBytes)
      errors = try OutputPipe(limit: limits.helperErrorBytes)
    } catch {
      throw .spawn(path: path, errno: error.errno)
    }
    pid = try Self.spawn(path, arguments, output: output, errors: errors)
    output.closeWriteEnd()
    errors.closeWriteEnd()
    self.output = output
    self.errors = errors
    self.limits = limits
    stageStartedMs = nowMs
  }

  /// Kills it and waits for its end; a process that hangs in the kernel is left to the system after the grace time.
  deinit {
    guard !reap() else { return }
    _ = killpg(pid, SIGKILL)
    for _ in 0..<limits.helperKillGraceMs where !reap() { usleep(1_000) }
  }

  /// Descriptors to wait on.
  var descriptors: [Int32] { [output, errors].filter { !$0.isAtEnd }.map(\.readEnd) }

  /// Longest time in the present stage.
  private var stageLimitMs: Int { limits.stageDeadlinesMs[stage ?? ""] ?? limits.helperDeadlineMs }

  private var deadlineMs: Int { stageStartedMs + stageLimitMs }

  /// When `advance` must be called even if no descriptor is ready.
  var wakeMs: Int {
    switch phase {
    // A child that closed its output but lives on is asked for at short intervals, by the owner's poll.
    case .running: deadlineMs
    case .killed(_, let untilMs): untilMs
    case .finished: .max
    }
  }

  /// Whether only the end of the process is awaited, which no descriptor announces.
  var isEnding: Bool { output.isAtEnd || wakeMs != deadlineMs }

  /// Reads what is there and looks whether the process ended. nil while the run goes on; afterwards its output.
  func advance(nowMs: Int) -> Result<[UInt8], ProbeFailure>? {
    output.drain()
    errors.drain()
    readStages(nowMs)
    switch phase {
    case .finished: return nil
    case .running:
      if output.isOverLimit {
        kill(.oversized(limitBytes: limits.helperOutputBytes), nowMs)
      } else if output.isAtEnd, reap() {
        return finish(result())
      } else if nowMs >= deadlineMs {
        kill(.hung(stage: stage, deadlineMs: stageLimitMs, abandoned: false), nowMs)
      }
      return nil
    case .killed(let why, let untilMs):
      if reap() { return finish(.failure(why)) }
      guard nowMs >= untilMs else { return nil }
      return finish(.failure(.hung(stage: stage, deadlineMs: stageLimitMs, abandoned: true)))
    }
  }

  /// The next line that it printed, of a helper that goes on. Call before `advance`, until nil.
  func nextLine(nowMs: Int) -> [UInt8]? {
    output.drain()
    readStages(nowMs)
    guard case .running = phase, let line = output.firstLine else { return nil }
    defer { output.dropFirstLine() }
    return Array(line)
  }

  /// Takes the lines that name a stage off the output: each has a deadline of its own.
  private func readStages(_ nowMs: Int) {
    while let line = output.firstLine, line.starts(with: Self.stagePrefix) {
      stage = String(
        decoding: line.dropFirst(Self.stagePrefix.count).prefix { $0 != UInt8(ascii: "\"") }, as: UTF8.self)
      stageStartedMs = nowMs
      output.dropFirstLine()
    }
  }

  private static let stagePrefix = Array("{\"stage\":\"".utf8)

  /// Whether the process is gone for good; what it started and left behind is killed then. Asks the kernel once.
  func reap() -> Bool {
    if exitStatus != nil { return true }
    var info = siginfo_t()
    // Looks first and takes the process off the table last: until then its number can be nobody else's.
    if waitid(P_PID, id_t(pid), &info, WEXITED | WNOHANG | WNOWAIT) == 0 {
      guard info.si_signo == SIGCHLD else { return false }
      _ = killpg(pid, SIGKILL)
    }
    var status: Int32 = 0
    let answer = waitpid(pid, &status, WNOHANG)
    if answer == pid { exitStatus = status }
    // Somebody else in this process waited for it, or children are not kept: gone, with an unknown status.
    if answer < 0, errno == ECHILD { exitStatus = 0 }
    return exitStatus != nil
  }

  private func finish(_ result: Result<[UInt8], ProbeFailure>) -> Result<[UInt8], ProbeFailure> {
    phase = .finished
    return result
  }

  private func kill(_ why: ProbeFailure, _ nowMs: Int) {
    _ = killpg(pid, SIGKILL)
    phase = .killed(why: why, untilMs: nowMs + limits.helperKillGraceMs)
  }

  private func result() -> Result<[UInt8], ProbeFailure> {
    let status = exitStatus ?? 0
    let signal = Int(status & 0x7f)
    // What it said first is why it aborted; what follows may be a backtrace.
    if signal != 0 { return .failure(.signalled(signal: signal, message: words().first ?? "")) }
    let code = Int((status >> 8) & 0xff)
    return code == 0 ? .success(output.bytes) : .failure(.exited(code: code, message: words().last ?? ""))
  }

  /// The lines that it printed to its standard error.
  private func words() -> [String] {
    String(decoding: errors.bytes, as: UTF8.self).split(whereSeparator: \.isNewline).map(String.init)
  }
}
