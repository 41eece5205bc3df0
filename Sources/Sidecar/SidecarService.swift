import Logging
import NIOCore
import NIOPosix
import SchedulerCore
import ServiceLifecycle

/// The daemon: sockets, sessions and services, until it is asked to stop.
public struct SidecarService: Service {
  private let configuration: SidecarConfiguration
  private let resources: ResourceSource
  private let log: Logger
  private let onReady: @Sendable (_ ready: SidecarReadiness) -> Void

  /// - Parameter onReady: called once both sockets accept connections, with what there is to know.
  public init(
    configuration: SidecarConfiguration, resources: ResourceSource, log: Logger,
    onReady: @escaping @Sendable (_ ready: SidecarReadiness) -> Void = { _ in }
  ) {
    self.configuration = configuration
    self.resources = resources
    self.log = log
    self.onReady = onReady
  }

  public func run() async throws {
    let limits = configuration.limits
    let directory = try SocketDirectory(configuration.runtimeDirectory)
    let opening = try PolicyOpening.open(
      configuration.policy.load(), stateDirectory: configuration.stateDirectory, limit: limits.policyHistory, log: log)
    let engineGroup = MultiThreadedEventLoopGroup(numberOfThreads: limits.engineLoops)
    let adminGroup = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    let services = services(opening, limits)
    services.executor.start()
    services.bench.start()
    services.policyBench.start()
    let outcome = await serve(directory, services, engineGroup, adminGroup)
    directory.removeOwn()
    await services.tasks.drain()
    await services.bench.stop()
    await services.policyBench.stop()
    await services.executor.stop()
    try await engineGroup.shutdownGracefully()
    try await adminGroup.shutdownGracefully()
    try outcome.get()
  }

  private func services(_ opening: sending PolicyOpening, _ limits: SidecarLimits) -> Services {
    let current = opening.entries[opening.entries.count - 1]
    let health = HealthState()
    let registry = SessionRegistry(
      policy: ActivePolicy(document: current.document, generation: current.generation), limits: limits,
      health: health, firstEpoch: UInt64.random(in: 1...UInt64(UInt32.max)), checksPlans: configuration.checksPlans)
    return Services(
      registry: registry, sessions: SessionDirectory(), resources: resources, health: health,
      policy: LivePolicy(opening, registry: registry, limit: limits.policyHistory),
      ended: EndedRecordings(limit: limits.endedRecordings), limits: limits, version: configuration.version,
      startedUs: MonotonicClock.nowUs(), log: log)
  }

  /// Everything between the first socket and the last reply.
  private func serve(
    _ directory: SocketDirectory, _ services: Services, _ engineGroup: any EventLoopGroup,
    _ adminGroup: any EventLoopGroup
  ) async -> Result<Void, any Error> {
    let manager = ServiceManager(environment: ActivatedSockets.environmentVariable, log: log)
    var servers: [SocketServer] = []
    var metrics: MetricsServer?
    do {
      // First: a socket of systemd has callers before the other one is open, and they are served.
      services.health.startServing()
      try await listen(directory, services, engineGroup, adminGroup, &servers)
      if let port = configuration.metricsPort {
        metrics = try await MetricsServer.start(port: port, group: adminGroup, services: services)
      }
      onReady(
        SidecarReadiness(
          sockets: SocketKind.allCases.map(directory.socketPath), policy: services.registry.policy,
          metricsPort: metrics?.port))
      let loops = Array(engineGroup.makeIterator()) + Array(adminGroup.makeIterator())
      await work(services, manager, Watchdog(manager: manager, loops: loops))
      manager.stopping()
      await stop(servers, metrics, services)
      return .success(())
    } catch {
      // The first socket may have connections already when the second one fails.
      await stop(servers, metrics, services)
      return .failure(error)
    }
  }

  private func listen(
    _ directory: SocketDirectory, _ services: Services, _ engineGroup: any EventLoopGroup,
    _ adminGroup: any EventLoopGroup, _ servers: inout [SocketServer]
  ) async throws {
    let activated = ActivatedSockets.find(environment: ActivatedSockets.environmentVariable)
    for kind in SocketKind.allCases {
      if activated[kind] == nil { try directory.removeStale(kind) }
      servers.append(
        try await SocketServer.start(
          kind, path: directory.socketPath(kind), descriptor: activated[kind],
          group: kind == .engine ? engineGroup : adminGroup, services: services, log: log))
      if activated[kind] == nil { try directory.claim(kind) }
    }
  }

  /// Returns when the sidecar is asked to stop.
  private func work(_ services: Services, _ manager: ServiceManager, _ watchdog: Watchdog) async {
    manager.ready(services.readyText)
    await withDiscardingTaskGroup { group in
      group.addTask(executorPreference: services.executor) { await services.follow(configuration.policy, manager) }
      group.addTask(executorPreference: services.executor) { await watchdog.run() }
      await keepHouse(services)
      group.cancelAll()
    }
  }

  /// How often sessions get the machine's state and hand over their charges.
  private static let houseKeepingMs = 500

  /// Returns when the sidecar is asked to stop.
  private func keepHouse(_ services: Services) async {
    await cancelWhenGracefulShutdown {
      var generation: UInt64?
      while !Task.isCancelled {
        let current = services.resources.current()
        for handle in services.sessions.handles {
          if generation != current.generation { handle.publish(current) }
          handle.flushCharges()
        }
        generation = current.generation
        try? await Task.sleep(for: .milliseconds(Self.houseKeepingMs))
      }
    }
  }

  /// Nobody new, every call gets its last reply, then the connections end: engines fall back by themselves.
  private func stop(_ servers: [SocketServer], _ metrics: MetricsServer?, _ services: Services) async {
    log.info("stopping")
    for server in servers { await server.stopListening() }
    services.health.stopServing()
    await withDiscardingTaskGroup { group in
      for server in servers { group.addTask { await server.stopConnections() } }
    }
    await metrics?.stop()
  }
}
