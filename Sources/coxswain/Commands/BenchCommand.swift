import ArgumentParser
import SchedulerCore
import WireProtocol

struct BenchCommand: AsyncParsableCommand {
  static let waiting = 1000
  /// The plainest rules: what is measured is the sidecar more than a policy.
  static let plainPolicy = "vllm-v1"
  static let flagshipPolicy = "goodput"
  static let lendingPolicy = "at-least"
  static let roundsRange = 1...100
  static let stepsRange = 100...1_000_000
  /// What planning may add to an echo of as many bytes, in microseconds.
  static let overEchoTargetUs = 100.0
  /// Apply and plan with 100,000 waiting, as a multiple of the same with 100.
  static let growthTarget = 1.3
  /// The flagship alone: apply and plan, in microseconds, and with 10,000 waiting as a multiple of the same with 100.
  static let flagshipTargetUs = 20.0
  static let flagshipGrowthTarget = 1.5
  /// Share of a core that ten looks a second at the machine may take, in percent.
  static let lookTargetPercent = 0.1
  /// One run of the helper, in milliseconds.
  static let oneShotTargetMs = 50.0
  /// A change of policy stalls no Step for longer, in microseconds.
  static let switchTargetUs = 1_000.0

  static let configuration = CommandConfiguration(
    commandName: "bench",
    abstract: "Measure a Step, over the socket beside an echo and its parts alone, and the watch on the machine.",
    discussion: """
      It starts its own sidecar in a temporary directory. Each round trip of a Step (256 running, 1,000 waiting) is
      followed by an echo of as many bytes over the same transport. "steady" Steps report one settled plan; in "churn"
      Steps two requests end and two arrive. The lowest figures of several rounds count. "collector_look" is the
      processor time of one look at the machine, "collector_core" what ten a second take of a core. "policy_switch" is
      what a change of policy takes on the event loop that serves Steps, in a storm of ten changes a second, a third of
      them invalid; "longest_step_calm" and "longest_step_storm" are the longest Steps of windows of a second without
      and with the storm. Use a release build.

      EXAMPLES
        coxswain bench
        coxswain bench --machine
        coxswain bench --rounds 3 --steps 1000 -o json
      """)

  @Option(help: ArgumentHelp("Rounds; the lowest figures count.", valueName: "n")) var rounds = 5
  @Option(help: ArgumentHelp("Steps in each round.", valueName: "n")) var steps = 2000
  @Flag(help: "Measure the watch on the machine only.") var machine = false
  @OptionGroup var output: OutputOptions

  func validate() throws {
    guard Self.roundsRange.contains(rounds) else {
      throw ValidationError("--rounds \(rounds): expected \(Self.roundsRange)")
    }
    guard Self.stepsRange.contains(steps) else {
      throw ValidationError("--steps \(steps): expected \(Self.stepsRange)")
    }
  }

  func run() async throws {
    if BenchMachine.build == "debug" {
      StandardError.line("coxswain: this is a debug build; its figures say nothing about a release build")
    }
    var results: [BenchResult] = []
    if !machine {
      results += try await roundTrips()
      results += try await storm()
      results += try coreAndCodecs()
      results += try flagship()
      results += try lending()
    }
    results += watch()
    if output.isJSON {
      return try StandardOutput.document(.array(results.map { $0.json(build: BenchMachine.build) }))
    }
    try StandardOutput.line("\(BenchMachine.description)\n\(rounds) rounds" + (machine ? "\n" : " of \(steps) Steps\n"))
    try StandardOutput.write(BenchResult.table(results).text)
  }

  // MARK: - Over the socket

  private func roundTrips() async throws -> [BenchResult] {
    let policy = try PolicyArgument.load(Self.plainPolicy)
    return try await BenchSidecar.with(policy: policy) { sidecar in
      try await roundTrips(sidecar, turnover: 0, suffix: "_steady")
        + roundTrips(sidecar, turnover: 2, suffix: "_churn")
    }
  }

  private func roundTrips(_ sidecar: BenchSidecar, turnover: Int, suffix: String) async throws -> [BenchResult] {
    StandardError.line("Step round trips, \(turnover) ending and arriving per Step")
    var bench = try RoundTripBench(engineSocket: sidecar.directory.engineSocket, turnover: turnover)
    let echo = try await EchoServer.start(path: sidecar.echoSocket, replyBytes: bench.replyBytes)
    let figures = Result { try bench.measure(echoSocket: sidecar.echoSocket, rounds: rounds, steps: steps) }
    try await echo.stop()
    return results(try figures.get(), suffix: suffix)
  }

  private func results(_ figures: RoundTripBench.Figures, suffix: String) -> [BenchResult] {
    StandardError.line(
      "Step\(suffix): \(figures.requestBytes) bytes out, \(figures.replyBytes) bytes back, the echo as many")
    let over = figures.step - figures.echo
    return [
      BenchResult(
        name: "step_round_trip\(suffix)", unit: "us", quantiles: figures.step,
        targetP50: figures.echo.p50 + Self.overEchoTargetUs),
      BenchResult(name: "echo_round_trip\(suffix)", unit: "us", quantiles: figures.echo),
      BenchResult(name: "step_over_echo\(suffix)", unit: "us", quantiles: over, targetP50: Self.overEchoTargetUs),
    ]
  }

  private func storm() async throws -> [BenchResult] {
    StandardError.line("a storm of policy changes, \(2 * rounds) seconds")
    let figures = try await BenchSidecar.with(policy: try PolicyArgument.load(Self.plainPolicy)) { sidecar in
      var bench = try StormBench(
        engineSocket: sidecar.directory.engineSocket, adminSocket: sidecar.directory.adminSocket)
      let echo = try await EchoServer.start(path: sidecar.echoSocket, replyBytes: bench.replyBytes)
      let figures = Result { try bench.measure(echoSocket: sidecar.echoSocket, rounds: rounds) }
      try await echo.stop()
      return try figures.get()
    }
    StandardError.line(
      "storm: \(figures.steps) Steps, each answered with a plan; \(figures.applied) changes applied, "
        + "\(figures.refused) refused")
    return [
      BenchResult(name: "policy_switch", unit: "us", quantiles: figures.switches, targetP99: Self.switchTargetUs),
      BenchResult(name: "longest_step_calm", unit: "us", quantiles: figures.calm),
      BenchResult(
        name: "longest_step_storm", unit: "us", quantiles: figures.storm,
        targetP50: figures.calm.p50 + Self.switchTargetUs),
      BenchResult(name: "longest_echo_calm", unit: "us", quantiles: figures.calmEcho),
      BenchResult(name: "longest_echo_storm", unit: "us", quantiles: figures.stormEcho),
    ]
  }

  // MARK: - The machine

  private func watch() -> [BenchResult] {
    StandardError.line("looks at the machine, and runs of its helper")
    let cost = ProbeBench.look(rounds: rounds)
    var results = [
      BenchResult(name: "collector_look", unit: "us", quantiles: cost.look),
      BenchResult(
        name: "collector_core", unit: "%", quantiles: Quantiles(p50: cost.corePercent, p99: cost.corePercent),
        targetP50: Self.lookTargetPercent),
    ]
    if let runs = ProbeBench.oneShot(rounds: rounds) {
      results.append(
        BenchResult(name: "probe_one_shot", unit: "ms", quantiles: runs, targetP50: Self.oneShotTargetMs))
    }
    return results
  }

  // MARK: - In this process

  private func coreAndCodecs() throws(CommandFailure) -> [BenchResult] {
    let policy = try PolicyArgument.load(Self.plainPolicy).config
    let steady = try measure(policy, waiting: Self.waiting, turnover: 0)
    let churn = try measure(policy, waiting: Self.waiting, turnover: 2)
    let few = try measure(policy, waiting: 100, turnover: 2)
    let many = try measure(policy, waiting: 100_000, turnover: 2)
    return [
      BenchResult(name: "core_steady", unit: "us", quantiles: steady.core),
      BenchResult(name: "core_churn", unit: "us", quantiles: churn.core),
      BenchResult(name: "core_churn_100_waiting", unit: "us", quantiles: few.core),
      BenchResult(name: "core_churn_100000_waiting", unit: "us", quantiles: many.core),
      BenchResult(
        name: "core_growth_100_to_100000", unit: "ratio", quantiles: many.core / few.core,
        targetP50: Self.growthTarget),
      BenchResult(name: "step_decode_steady", unit: "us", quantiles: steady.decode),
      BenchResult(name: "step_decode_churn", unit: "us", quantiles: churn.decode),
      BenchResult(name: "plan_encode_steady", unit: "us", quantiles: steady.encode),
      BenchResult(name: "plan_encode_churn", unit: "us", quantiles: churn.encode),
    ]
  }

  private func flagship() throws(CommandFailure) -> [BenchResult] {
    let policy = try PolicyArgument.load(Self.flagshipPolicy).config
    let steady = try measure(policy, waiting: Self.waiting, turnover: 0).core
    let churn = try measure(policy, waiting: Self.waiting, turnover: 2).core
    let few = try measure(policy, waiting: 100, turnover: 2).core
    let many = try measure(policy, waiting: 10_000, turnover: 2).core
    return [
      BenchResult(name: "core_goodput_steady", unit: "us", quantiles: steady, targetP50: Self.flagshipTargetUs),
      BenchResult(name: "core_goodput_churn", unit: "us", quantiles: churn),
      BenchResult(
        name: "core_goodput_growth_100_to_10000", unit: "ratio", quantiles: many / few,
        targetP50: Self.flagshipGrowthTarget),
    ]
  }

  /// Capacity by class, beside the same policy and requests without it.
  private func lending() throws(CommandFailure) -> [BenchResult] {
    let policy = try PolicyArgument.load(Self.lendingPolicy).config
    var shared = policy
    shared.name = "\(policy.name), allocation shared"
    shared.allocation = .shared
    var results: [BenchResult] = []
    for (name, policy) in [("core_at_least", policy), ("core_at_least_shared", shared)] {
      for (suffix, turnover) in [("_steady", 0), ("_churn", 2)] {
        let figures = try measure(policy, waiting: Self.waiting, turnover: turnover, classes: .lending)
        results.append(BenchResult(name: name + suffix, unit: "us", quantiles: figures.core))
      }
    }
    return results
  }

  private func measure(
    _ policy: PolicyConfig, waiting: Int, turnover: Int, classes: BenchClasses = .alike
  ) throws(CommandFailure) -> CoreBench.Figures {
    StandardError.line(
      "core and codecs, \(policy.name), with \(waiting) waiting, \(turnover) ending and arriving per Step")
    var bench = try CoreBench(policy: policy, waiting: waiting, turnover: turnover, classes: classes)
    if !bench.upgradedClasses.isEmpty {
      StandardError.line("on capacity of better classes: \(bench.upgradedClasses.sorted().joined(separator: ", "))")
    }
    return try bench.measure(rounds: rounds, steps: steps)
  }
}
