import ArgumentParser
import Logging
import ServiceLifecycle
import Sidecar
import UnixSignals
import WireClient

struct ServeCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "serve", abstract: "Run the sidecar until SIGTERM or SIGINT.",
    discussion: """
      It listens on engine.sock and admin.sock in the runtime directory and logs to standard error, one line per event.
      SIGHUP reads the policy file again. The policies that were in force are kept in the state directory: what was
      applied to the running sidecar survives its restart, and a wrong file does not stop one that knows a good policy.

      EXAMPLES
        coxswain serve
        coxswain serve --policy vllm-v1-priority
        coxswain serve --policy ./policy.json --runtime-dir /tmp/coxswain
        coxswain serve --policy ./policy.json --watch-policy
      """)

  @Option(
    help: ArgumentHelp(
      "Policy file or name of a preset (see: coxswain policy show --presets; default: balanced).", valueName: "policy"))
  var policy: String?

  @Option(
    help: ArgumentHelp(
      "Directory for the sockets (default: $COXSWAIN_RUNTIME_DIR, /run/coxswain, $XDG_RUNTIME_DIR/coxswain).",
      valueName: "dir"))
  var runtimeDir: String?

  @Option(
    help: ArgumentHelp(
      "Directory for policies (default: $COXSWAIN_STATE_DIR, $STATE_DIRECTORY, state in the runtime directory).",
      valueName: "dir"))
  var stateDir: String?

  @Option(help: ArgumentHelp("Least level to log.", valueName: "level")) var logLevel: LogLevel = .info

  @Option(help: ArgumentHelp("Serve /metrics, /livez and /readyz on 127.0.0.1.", valueName: "port"))
  var metricsPort: Int?

  @Flag(help: "Read the policy file again when it changes, as SIGHUP does.") var watchPolicy = false

  @Flag(help: "Check every plan against the invariants before it is sent; costs time in each Step.")
  var checkPlans = false

  func validate() throws {
    if let metricsPort, !(0...65_535).contains(metricsPort) {
      throw ValidationError("--metrics-port \(metricsPort): expected 0 to 65535")
    }
    if watchPolicy, policy == nil { throw ValidationError("--watch-policy: needs --policy with a file") }
  }

  func run() async throws {
    let directory = RuntimeDirectory.forServing(option: runtimeDir)
    do throws(WireClientError) { try directory.checkLength() } catch { throw CommandFailure(error) }
    let level = logLevel.level
    LoggingSystem.bootstrap { _ in LineLogHandler(logLevel: level) }
    let log = Logger(label: "coxswain")
    let (reloads, continuation) = AsyncStream<Void>.makeStream(bufferingPolicy: .bufferingNewest(1))
    let machine = MachineProbes(log: log)
    defer { machine.stop() }
    let service = SidecarService(
      configuration: SidecarConfiguration(
        runtimeDirectory: directory.path, policy: PolicyArgument.source(policy, reloads: reloads),
        stateDirectory: StateDirectory.path(option: stateDir, runtimeDirectory: directory.path),
        version: VersionCommand.number, metricsPort: metricsPort, checksPlans: checkPlans),
      resources: machine.source, log: log
    ) { ready in
      let active = ready.policy
      for warning in active.document.warnings { log.warning("policy", metadata: ["warning": "\(warning)"]) }
      log.info(
        "listening",
        metadata: [
          "policy": "\(active.document.config.name)", "generation": "\(active.generation)",
          "sockets": "\(ready.sockets.joined(separator: ","))",
          "metrics": "\(ready.metricsPort.map { "http://127.0.0.1:\($0)/metrics" } ?? "admin socket")",
        ])
    }
    let watch = watchPolicy ? policy.map(PolicyWatch.init) : nil
    try await Self.run(service, reload: continuation, watch, log)
    log.info("stopped")
  }

  /// Serves until a signal says stop; SIGHUP, or the file where it is watched, says read the policy again.
  private static func run(
    _ service: SidecarService, reload: AsyncStream<Void>.Continuation, _ watch: PolicyWatch?, _ log: Logger
  ) async throws {
    let group = ServiceGroup(
      configuration: ServiceGroupConfiguration(
        services: [service], gracefulShutdownSignals: [.sigterm, .sigint], logger: log))
    // Before the first socket: from then on somebody may send one.
    let signals = await UnixSignalsSequence(trapping: .sighup)
    let hangups = Task {
      for await _ in signals { reload.yield() }
    }
    let changes = Task { await watch?.run { reload.yield() } }
    defer {
      hangups.cancel()
      changes.cancel()
    }
    do {
      try await group.run()
    } catch let error as SocketDirectoryError {
      throw failure(error)
    } catch let error as PolicyUpdateError {
      let lines = error.details.split(separator: "\n").map { "\n  \($0)" }.joined()
      throw CommandFailure(.badConfiguration, "the policy is not valid, and no good one is known:\(lines)")
    }
  }

  private static func failure(_ error: SocketDirectoryError) -> CommandFailure {
    switch error {
    case .inUse: CommandFailure(.retry, error.description)
    case .unusable: CommandFailure(.failed, "\(error.description); choose another with --runtime-dir")
    }
  }
}
