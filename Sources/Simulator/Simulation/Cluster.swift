import WireProtocol

/// The instances of a run and what lies between them.
public struct Cluster: Hashable, Sendable {
  public struct Instance: Hashable, Sendable {
    public var profile: GPUProfile
    public var role: EngineRole
    /// Index of the model it serves, into the names that requests ask for.
    public var model: Int

    public init(profile: GPUProfile, role: EngineRole = .both, model: Int = 0) {
      self.profile = profile
      self.role = role
      self.model = model
    }
  }

  static let instancesMax = 1_024

  public var instances: [Instance]
  public var router: RouterKind
  /// Of KV from prefill to decode instances; 0 for transfers that cost nothing.
  public var transferBytesPerS: Double
  /// Whether the core's planner divides roles while a run lasts; the instances then are alike.
  public private(set) var dividesRoles = false
  /// Share of the requests that ask for each model.
  public var modelShares: [Double]

  public init(
    instances: [Instance], router: RouterKind = .leastLoaded, transferBytesPerS: Double = 0,
    modelShares: [Double] = [1]
  ) {
    self.instances = instances
    self.router = router
    self.transferBytesPerS = transferBytesPerS
    self.modelShares = modelShares
  }

  /// Instances of one kind.
  public init(
    _ profile: GPUProfile, count: Int = 1, router: RouterKind = .leastLoaded, roles: RoleMode = .mixed,
    transferBytesPerS: Double = 0
  ) {
    self.init(
      instances: (0..<count).map { Instance(profile: profile, role: roles.role(of: $0, among: count)) },
      router: router, transferBytesPerS: transferBytesPerS)
    dividesRoles = roles == .auto
  }

  /// Reads `{"router","kv_transfer_mb_s","models":[{"name","share"}],
  /// "instances":[{"profile","count","role","model"}]}`; all but `instances` may be left out.
  /// - Parameter profile: finds a profile by its name or file.
  public static func decode(
    bytes: [UInt8], profile: (String) throws(CallError) -> GPUProfile
  ) throws(WorkloadError) -> Cluster {
    do {
      let file = try MessageReader(try JSONValue(parsing: bytes))
      let models = try models(file)
      var instances: [Instance] = []
      for (index, json) in try file.array("instances", max: instancesMax).enumerated() {
        let reader = try MessageReader(json, path: "/instances/\(index)")
        let name = try reader.string("model", default: models.first?.name ?? "")
        guard let model = models.firstIndex(where: { $0.name == name }) else {
          throw CallError.invalid(field: reader.pointer("model"), "\"\(name)\" is none of the models")
        }
        let instance = Instance(
          profile: try profile(try reader.string("profile")),
          role: try reader.choice("role", default: EngineRole.both), model: model)
        let count = try reader.integer("count", in: 1...instancesMax, default: 1)
        instances.append(contentsOf: repeatElement(instance, count: count))
      }
      guard (1...instancesMax).contains(instances.count) else {
        throw CallError.invalid(field: "/instances", "\(instances.count); expected 1 to \(instancesMax) in all")
      }
      let transferMBPerS = try file.integer("kv_transfer_mb_s", default: 0)
      return Cluster(
        instances: instances, router: try file.choice("router", default: RouterKind.leastLoaded),
        transferBytesPerS: Double(transferMBPerS) * 1_000_000, modelShares: models.map(\.share))
    } catch let error as CallError {
      throw .invalidCluster(message: error.message)
    } catch let error as JSONError {
      throw .invalidCluster(message: error.message)
    } catch {
      throw .invalidCluster(message: "\(error)")
    }
  }

  private static func models(_ file: MessageReader) throws(CallError) -> [(name: String, share: Double)] {
    guard file.object["models"] != nil else { return [("", 1)] }
    var models: [(name: String, share: Double)] = []
    for (index, json) in try file.array("models", max: instancesMax).enumerated() {
      let reader = try MessageReader(json, path: "/models/\(index)")
      guard let share = json["share"]?.doubleValue, share > 0 else {
        throw .invalid(field: reader.pointer("share"), "missing or wrong; expected a number above 0")
      }
      models.append((try reader.string("name"), share))
    }
    guard !models.isEmpty else { throw .invalid(field: "/models", "empty; expected at least one model") }
    return models
  }

  /// The mode that the instances' roles follow; nil where the instances are not alike, or follow none.
  public var roleMode: RoleMode? {
    guard instances.allSatisfy({ $0.profile == instances[0].profile && $0.model == instances[0].model }) else {
      return nil
    }
    if dividesRoles { return .auto }
    return [RoleMode.mixed, .prefillDecode].first { divided($0).instances == instances }
  }

  /// The same instances with their roles by another mode.
  public func divided(_ mode: RoleMode) -> Cluster {
    var cluster = self
    for index in instances.indices { cluster.instances[index].role = mode.role(of: index, among: instances.count) }
    cluster.dividesRoles = mode == .auto
    return cluster
  }

  /// Whether every model has instances for the whole of a request.
  public var isComplete: Bool {
    modelShares.indices.allSatisfy { model in
      let roles = instances.filter { $0.model == model }.map(\.role)
      let prefills = roles.contains { $0 != .decode }
      return prefills && (roles.contains(.both) || roles.contains(.decode))
    }
  }
}
