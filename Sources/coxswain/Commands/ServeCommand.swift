import ArgumentParser
import Logging
import ServiceLifecycle
import Sidecar
import WireClient

struct ServeCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "serve", abstract: "Run the sidecar until SIGTERM or SIGINT.",
    discussion: """
      It listens on engine.sock and admin.sock in the runtime directory and logs to standard error, one line per event.

      EXAMPLES
        coxswain serve
        coxswain serve --policy vllm-v1-priority
        coxswain serve --policy ./policy.json --runtime-dir /tmp/coxswain
      """)

  @Option(help: ArgumentHelp("Policy file or name of a preset (see: coxswain policy show).", valueName: "policy"))
  var policy: String?

  @Option(
    help: ArgumentHelp(
      "Directory for the sockets (default: $COXSWAIN_RUNTIME_DIR, /run/coxswain, $XDG_RUNTIME_DIR/coxswain).",
      valueName: "dir"))
  var runtimeDir: String?

  @Option(help: ArgumentHelp("Least level to log.", valueName: "level")) var logLevel: LogLevel = .info

  @Flag(help: "Check every plan against the invariants before it is sent; costs time in each Step.")
  var checkPlans = false

  func run() async throws {
    let document = try PolicyArgument.load(policy)
    let directory = RuntimeDirectory.forServing(option: runtimeDir)
    do throws(WireClientError) { try directory.checkLength() } catch { throw CommandFailure(error) }
    let level = logLevel.level
    LoggingSystem.bootstrap { _ in LineLogHandler(logLevel: level) }
    let log = Logger(label: "coxswain")
    for warning in document.warnings { log.warning("policy", metadata: ["warning": "\(warning)"]) }
    let machine = MachineProbes(log: log)
    defer { machine.stop() }
    let service = SidecarService(
      configuration: SidecarConfiguration(
        runtimeDirectory: directory.path, policy: document, version: VersionCommand.number, checksPlans: checkPlans),
      resources: machine.source, log: log
    ) { sockets in
      log.info(
        "listening",
        metadata: ["policy": "\(document.config.name)", "sockets": "\(sockets.joined(separator: ","))"])
    }
    let group = ServiceGroup(
      configuration: ServiceGroupConfiguration(
        services: [service], gracefulShutdownSignals: [.sigterm, .sigint], logger: log))
    do {
      try await group.run()
    } catch let error as SocketDirectoryError {
      throw Self.failure(error)
    }
    log.info("stopped")
  }

  private static func failure(_ error: SocketDirectoryError) -> CommandFailure {
    switch error {
    case .inUse: CommandFailure(.retry, error.description)
    case .unusable: CommandFailure(.failed, "\(error.description); choose another with --runtime-dir")
    }
  }
}
