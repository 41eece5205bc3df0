/// What is near what on one machine: NUMA nodes, cores, devices and the links between GPUs, as plain values.
/// Made by HardwareProbes from the helper's document; the core decides placements from it.
public struct MachineTopology: Hashable, Sendable {
  /// What a NUMA node's memory is made of. Host work belongs on `dram` only.
  public enum MemoryKind: String, CaseIterable, Hashable, Sendable {
    case dram, hbm, cxl, nvm, gpu, unknown
  }

  public struct Node: Hashable, Sendable {
    public var osIndex: Int
    public var kind: MemoryKind
    public var memoryBytes: Int
    /// CPUs for which this is the nearest ordinary memory.
    public var cpus: IDList
    /// CPUs that the firmware calls local to it, whether or not another node is their own.
    public var nearCPUs: IDList
    /// Whether this process may allocate on it.
    public var isAllowed: Bool
    /// SLIT distances in the order of `nodes`; empty if the firmware states none, 0 where one is missing.
    public var distances: [Int]

    public init(
      osIndex: Int, kind: MemoryKind, memoryBytes: Int, cpus: IDList, nearCPUs: IDList, isAllowed: Bool,
      distances: [Int]
    ) {
      self.osIndex = osIndex
      self.kind = kind
      self.memoryBytes = memoryBytes
      self.cpus = cpus
      self.nearCPUs = nearCPUs
      self.isAllowed = isAllowed
      self.distances = distances
    }
  }

  public struct Core: Hashable, Sendable {
    public var package: Int
    /// Its hardware threads.
    public var cpus: IDList

    public init(package: Int, cpus: IDList) {
      self.package = package
      self.cpus = cpus
    }
  }

  public struct Device: Hashable, Sendable {
    public enum Kind: String, CaseIterable, Hashable, Sendable { case gpu, nic, nvme, nvswitch }
    /// Makers whose runtimes number GPUs in their own way.
    public enum Vendor: String, Hashable, Sendable { case nvidia, amd, intel }

    /// PCI address, "0000:17:00.0".
    public var busID: String
    public var kind: Kind
    public var uuid: String?
    public var model: String?
    /// Names that the operating system gave it.
    public var names: [String]
    /// Near NUMA nodes with CPUs, by os index. More than one, or all of them, where the firmware states no more.
    public var numaNodes: [Int]
    /// False where the firmware does not say which node is near: "unknown" is never "node 0".
    public var isLocalityKnown: Bool
    /// CPUs near it.
    public var cpus: IDList
    /// Bridges from the device up to the host bridge.
    public var bridges: [String]
    /// nil: another one, or not stated.
    public var vendor: Vendor?
    /// UUIDs of the parts into which it is divided (MIG).
    public var instances: [String] = []

    public init(
      busID: String, kind: Kind, uuid: String? = nil, model: String? = nil, names: [String] = [], numaNodes: [Int],
      isLocalityKnown: Bool, cpus: IDList, bridges: [String] = [], vendor: Vendor? = nil
    ) {
      self.busID = busID
      self.kind = kind
      self.uuid = uuid
      self.model = model
      self.names = names
      self.numaNodes = numaNodes
      self.isLocalityKnown = isLocalityKnown
      self.cpus = cpus
      self.bridges = bridges
      self.vendor = vendor
    }
  }

  /// A direct or switched connection of two GPUs.
  public struct Link: Hashable, Sendable {
    public enum Kind: String, CaseIterable, Hashable, Sendable { case nvlink, xgmi }

    public var kind: Kind
    /// Bus ids of the two GPUs.
    public var a: String
    public var b: String
    /// Megabytes per second in one direction; nil if it is not stated.
    public var bandwidthMbS: Int?

    public init(kind: Kind, a: String, b: String, bandwidthMbS: Int?) {
      self.kind = kind
      self.a = a
      self.b = b
      self.bandwidthMbS = bandwidthMbS
    }
  }

  /// CPUs that this process may run on.
  public var allowedCPUs: IDList
  /// Ascending by os index.
  public var nodes: [Node]
  public var cores: [Core]
  /// In the order of their PCI addresses.
  public var devices: [Device]
  public var links: [Link]

  public init(allowedCPUs: IDList, nodes: [Node], cores: [Core], devices: [Device], links: [Link]) {
    self.allowedCPUs = allowedCPUs
    self.nodes = nodes
    self.cores = cores
    self.devices = devices
    self.links = links
  }

  public var gpus: [Device] { devices.filter { $0.kind == .gpu } }
}
