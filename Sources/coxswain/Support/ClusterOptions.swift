import ArgumentParser
import Simulator
import WireProtocol

/// The instances of a simulation, and what happens to them.
struct ClusterOptions: ParsableArguments {
  static let instancesRange = 1...256
  static let routerNames = RouterKind.allCases.map(\.rawValue).joined(separator: ", ")

  @Option(help: ArgumentHelp("GPU profile: a bundled name or a file.", valueName: "profile"))
  var profile = GPUProfile.defaultName
  @Option(help: ArgumentHelp("Instances of that profile.", valueName: "n")) var instances = 1
  @Option(help: ArgumentHelp("Who gets a request: \(Self.routerNames).", valueName: "router"))
  var router = RouterKind.leastLoaded
  @Option(help: ArgumentHelp("File with instances, models, roles and KV transfer.", valueName: "file"))
  var cluster: String?
  @Option(help: ArgumentHelp("File with memory pressure and GPU losses by time.", valueName: "file"))
  var events: String?

  func validate() throws {
    guard Self.instancesRange.contains(instances) else {
      throw ValidationError("--instances \(instances): expected \(Self.instancesRange)")
    }
    guard cluster == nil || instances == 1 else {
      throw ValidationError("--instances and --cluster: expected one of them")
    }
  }

  func load() throws(CommandFailure) -> Cluster {
    guard let cluster else { return Cluster(try ProfileArgument.load(profile), count: instances, router: router) }
    let bytes = try InputFile.bytes(cluster)
    do throws(WorkloadError) {
      return try Cluster.decode(bytes: bytes, profile: Self.profile)
    } catch {
      throw CommandFailure(.badConfiguration, "\(cluster): \(error.description)")
    }
  }

  private static func profile(_ name: String) throws(CallError) -> GPUProfile {
    do throws(CommandFailure) { return try ProfileArgument.load(name) } catch {
      throw CallError(.notFound, error.message ?? name)
    }
  }

  func scriptedEvents(instances: Int) throws(CommandFailure) -> [ScriptedEvent] {
    guard let events else { return [] }
    let bytes = try InputFile.bytes(events)
    do throws(WorkloadError) { return try ScriptedEvent.decode(bytes: bytes, instances: instances) } catch {
      throw CommandFailure(.badConfiguration, "\(events): \(error.description)")
    }
  }
}

extension RouterKind: ExpressibleByArgument {}
