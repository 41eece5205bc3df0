import ArgumentParser
import Simulator
import WireProtocol

/// The instances of a simulation, and what happens to them.
struct ClusterOptions: ParsableArguments {
  static let instancesRange = 1...256
  static let linkRangeGBPerS = 0.001...1e6
  static let roleNames = RoleMode.allCases.map(\.rawValue).joined(separator: ", ")
  static let routerNames = RouterKind.allCases.map(\.rawValue).joined(separator: ", ")

  @Option(help: ArgumentHelp("GPU profile: a bundled name or a file.", valueName: "profile"))
  var profile = GPUProfile.defaultName
  @Option(help: ArgumentHelp("Instances of that profile.", valueName: "n")) var instances = 1
  @Option(help: ArgumentHelp("Who gets a request: \(Self.routerNames).", valueName: "router"))
  var router = RouterKind.leastLoaded
  @Option(
    help: ArgumentHelp(
      "Prefill and decode among the instances: \(Self.roleNames); auto: the planner decides.", valueName: "roles"))
  var roles = RoleMode.mixed
  @Option(
    help: ArgumentHelp(
      "Bandwidth of KV from prefill to decode instances, default: the profile's link to the host.", valueName: "GB/s"))
  var linkGbS: Double?
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
    guard cluster == nil || (roles == .mixed && linkGbS == nil) else {
      throw ValidationError("--cluster: the file says roles and kv_transfer_mb_s; expected no --roles, no --link-gb-s")
    }
    guard roles == .mixed || instances > 1 else {
      throw ValidationError("--roles \(roles.rawValue): expected --instances of at least 2")
    }
    if let linkGbS, !Self.linkRangeGBPerS.contains(linkGbS) {
      throw ValidationError("--link-gb-s \(linkGbS): expected \(Self.linkRangeGBPerS)")
    }
  }

  func load() throws(CommandFailure) -> Cluster {
    guard let cluster else {
      let profile = try ProfileArgument.load(profile)
      return Cluster(
        profile, count: instances, router: router, roles: roles,
        transferBytesPerS: linkGbS.map { $0 * 1e9 } ?? Double(profile.hostLinkBytesPerS))
    }
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
extension RoleMode: ExpressibleByArgument {}
