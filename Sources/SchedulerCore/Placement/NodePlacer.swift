/// Places the workers of a model server on one machine: CPUs near the GPU that may be used, whole cores, no sharing
/// where it can be avoided, and ordinary memory as near as possible. Pure: the same machine gives the same answer.
public struct NodePlacer {
  private let topology: MachineTopology
  private let request: NodePlacementRequest
  private let gpus: [MachineTopology.Device]
  /// Cores with at least one usable CPU, reduced to those.
  private let cores: [IDList]
  private var warnings: [NodePlacementReason] = []
  /// Workers at home on each node so far, by os index.
  private var workersOnNode: [Int: Int] = [:]
  /// Workers that were sent to each NIC and NVMe so far, by bus id.
  private var workersOnDevice: [String: Int] = [:]

  /// A worker while it is being placed.
  private struct Draft {
    var gpu: Int?
    var group: Int
    var candidates: [Int]
    var isBound: Bool
    var home: Int?
    var reasons: [NodePlacementReason]
  }

  public static func place(_ topology: MachineTopology, _ request: NodePlacementRequest) -> NodePlacement {
    var placer = NodePlacer(topology, request)
    return placer.place()
  }

  private init(_ topology: MachineTopology, _ request: NodePlacementRequest) {
    self.topology = topology
    self.request = request
    gpus = topology.gpus
    cores = topology.cores.map { $0.cpus.intersection(topology.allowedCPUs) }.filter { !$0.isEmpty }
      .sorted { ($0.first ?? 0) < ($1.first ?? 0) }
  }

  private mutating func place() -> NodePlacement {
    var drafts = gpus.isEmpty ? draftsWithoutGPUs() : draftsOnGPUs()
    let reserved = reserve(&drafts)
    let bound = drafts.indices.filter { drafts[$0].isBound }
    let shares = CoreShares(bound.map { drafts[$0].candidates }, coreCount: cores.count).shares
    var cpus = [IDList](repeating: IDList(), count: drafts.count)
    for (position, index) in bound.enumerated() {
      cpus[index] = give(shares[position], to: &drafts[index], peers: peers(of: drafts[index], in: drafts))
    }
    let used = cpus.reduce(IDList()) { $0.union($1) }
    let isNUMA = hostNodes.count > 1
    var workers = drafts.indices.map { worker(drafts[$0], cpus: cpus[$0], unused: used, isNUMA: isNUMA) }
    divideMemory(&workers)
    return NodePlacement(
      workers: workers, pairs: topology.gpuPairs, reservedCPUs: reserved.subtracting(used), warnings: warnings,
      isGainExpected: isNUMA, savedDistancePercent: savedDistance(zip(drafts, workers)))
  }

  /// Unbound, memory comes from any host node that may be used; each counts the same.
  private func savedDistance(_ placed: Zip2Sequence<[Draft], [NodePlacement.Worker]>) -> Int {
    let nodes = hostNodes.filter { $0.isAllowed && holds($0) }.map(\.osIndex)
    var bound = 0
    var unbound = 0
    for (draft, worker) in placed {
      guard let home = draft.home, let memory = worker.memoryNode else { continue }
      bound += travelled(from: home, to: memory) * nodes.count
      for node in nodes { unbound += travelled(from: home, to: node) }
    }
    return unbound > bound ? 100 * (unbound - bound) / unbound : 0
  }

  /// Distance, with the kernel's own figures where the firmware states none.
  private func travelled(from: Int, to: Int) -> Int {
    let stated = distance(from: from, to: to)
    return stated > 0 ? stated : from == to ? 10 : 20
  }

  /// Nodes on which host work may be at home: ordinary memory with CPUs.
  private var hostNodes: [MachineTopology.Node] { topology.nodes.filter { !$0.cpus.isEmpty } }

  private mutating func warn(_ reason: NodePlacementReason) {
    if !warnings.contains(reason) { warnings.append(reason) }
  }

  // MARK: - Which GPU

  private mutating func draftsOnGPUs() -> [Draft] {
    let named = request.gpus.compactMap { id in gpus.firstIndex { $0.busID == id } }
    let candidates = request.gpus.isEmpty ? Array(gpus.indices) : named
    let asked = request.workers == 0 ? candidates.count : request.workers
    if asked > candidates.count { warn(.fewerGPUs(asked: asked, found: candidates.count)) }
    let groups = GPUGroups(topology, candidates: candidates, count: asked, size: max(1, request.groupSize))
    var drafts: [Draft] = []
    for (number, group) in groups.groups.enumerated() {
      let worst = groups.worst(group)
      for gpu in group {
        var draft = draft(gpu, group: number)
        if let worst { draft.reasons.append(.group(closeness: worst.closeness)) }
        drafts.append(draft)
      }
    }
    return drafts
  }

  private mutating func draft(_ gpu: Int, group: Int) -> Draft {
    let device = gpus[gpu]
    guard device.isLocalityKnown, let node = device.numaNodes.first else {
      warn(.localityUnknown(busID: device.busID))
      return Draft(
        gpu: gpu, group: group, candidates: [], isBound: false, home: nil,
        reasons: [.localityUnknown(busID: device.busID)])
    }
    if let home = home(of: device) {
      workersOnNode[home.node, default: 0] += 1
      return Draft(
        gpu: gpu, group: group, candidates: home.cores, isBound: true, home: home.node,
        reasons: [
          home.of == 1 ? .gpuNearNode(node: home.node) : .gpuNearNodes(count: home.of, used: home.node)
        ])
    }
    guard let other = nearestNode(from: node, where: { !self.coresWithin($0.cpus).isEmpty }) else {
      warn(.noUsableCPUs)
      return Draft(gpu: gpu, group: group, candidates: [], isBound: false, home: nil, reasons: [.noUsableCPUs])
    }
    let reason = NodePlacementReason.noAllowedCPUs(near: node, used: other.osIndex)
    warn(reason)
    return Draft(
      gpu: gpu, group: group, candidates: coresWithin(other.cpus), isBound: true, home: node, reasons: [reason])
  }

  /// Where a GPU's worker belongs: of the nodes near it that have usable cores, the one with the fewest workers. A
  /// socket that is divided into nodes states all of them for each of its GPUs: they must not all end on the first.
  private func home(of gpu: MachineTopology.Device) -> (node: Int, cores: [Int], of: Int)? {
    var homes: [(node: Int, cores: [Int])] = []
    for node in hostNodes where gpu.numaNodes.contains(node.osIndex) {
      let cores = coresWithin(node.cpus.intersection(gpu.cpus))
      if !cores.isEmpty { homes.append((node.osIndex, cores)) }
    }
    let best = homes.indices.min {
      (workersOnNode[homes[$0].node, default: 0], $0) < (workersOnNode[homes[$1].node, default: 0], $1)
    }
    return best.map { (homes[$0].node, homes[$0].cores, homes.count) }
  }

  private mutating func draftsWithoutGPUs() -> [Draft] {
    warn(.noGPUs)
    let nodes = hostNodes.filter { !coresWithin($0.cpus).isEmpty }
    guard !nodes.isEmpty else { return [] }
    return (0..<min(max(1, request.workers), NodePlacementRequest.workersMax)).map { index in
      let node = nodes[index % nodes.count]
      return Draft(
        gpu: nil, group: index / max(1, request.groupSize), candidates: coresWithin(node.cpus), isBound: true,
        home: node.osIndex, reasons: [])
    }
  }

  // MARK: - Which CPUs

  /// Positions of the cores that have usable CPUs among these. A core stays whole: it belongs if any of it does.
  private func coresWithin(_ cpus: IDList) -> [Int] {
    cores.indices.filter { index in cores[index].ids.contains(where: cpus.contains) }
  }

  /// Takes cores for the sidecar from where the workers have the most each, one by one; never a worker's last.
  private func reserve(_ drafts: inout [Draft]) -> IDList {
    var reserved = IDList(cores.flatMap(\.ids))
    for draft in drafts { for core in draft.candidates { reserved = reserved.subtracting(cores[core]) } }
    var cores = coresWithin(reserved).count
    while cores < request.reservedCores, let core = spare(drafts) {
      for index in drafts.indices { drafts[index].candidates.removeAll { $0 == core } }
      reserved = reserved.union(self.cores[core])
      cores += 1
    }
    return reserved
  }

  /// The last core of the workers that would lose least; nil if somebody needs every one.
  private func spare(_ drafts: [Draft]) -> Int? {
    var best: (cores: Int, workers: Int, core: Int)?
    let peers = drafts.map { draft in drafts.count { $0.candidates == draft.candidates } }
    func isNeeded(_ core: Int) -> Bool {
      drafts.indices.contains { drafts[$0].candidates.count <= peers[$0] && drafts[$0].candidates.contains(core) }
    }
    for (draft, workers) in zip(drafts, peers) {
      guard draft.candidates.count > workers, let core = draft.candidates.last(where: { !isNeeded($0) }) else {
        continue
      }
      let isBetter = best.map { draft.candidates.count * $0.workers > $0.cores * workers } ?? true
      if isBetter { best = (draft.candidates.count, workers, core) }
    }
    return best?.core
  }

  private func peers(of draft: Draft, in drafts: [Draft]) -> Int {
    drafts.count { $0.isBound && $0.candidates == draft.candidates }
  }

  /// The CPUs of a share; a worker that got none shares all that are near it.
  private mutating func give(_ share: [Int], to draft: inout Draft, peers: Int) -> IDList {
    if peers > draft.candidates.count || share.isEmpty {
      let reason = NodePlacementReason.coresShared(cores: draft.candidates.count, workers: max(2, peers))
      draft.reasons.append(reason)
      warn(reason)
      return IDList(draft.candidates.flatMap { cores[$0].ids })
    }
    draft.reasons.append(.coresNearby(cores: share.count, of: draft.candidates.count, workers: peers))
    return IDList(share.flatMap { cores[$0].ids })
  }

  // MARK: - Which memory

  private mutating func worker(_ draft: Draft, cpus: IDList, unused used: IDList, isNUMA: Bool) -> NodePlacement.Worker
  {
    let device = draft.gpu.map { gpus[$0] }
    var worker = NodePlacement.Worker(
      gpu: draft.gpu, busID: device?.busID, uuid: device?.uuid, group: draft.group, cpus: cpus, numaNode: nil,
      memoryNode: nil, memoryBytes: 0, nic: device.flatMap { nearest(.nic, to: $0) },
      nvme: device.flatMap { nearest(.nvme, to: $0) }, reasons: draft.reasons)
    guard draft.isBound else {
      worker.cpus = topology.allowedCPUs.subtracting(used)
      return worker
    }
    worker.numaNode = hostNodes.first { cpus.isSubset(of: $0.cpus) }?.osIndex
    placeMemory(&worker, home: draft.home ?? worker.numaNode)
    worker.reasons.append(isNUMA ? .gainByHostTraffic(nodes: hostNodes.count) : .singleNode)
    return worker
  }

  private mutating func placeMemory(_ worker: inout NodePlacement.Worker, home: Int?) {
    let found = home.flatMap { home in
      nearestNode(from: home) { node in
        node.isAllowed && holds(node)
      }
    }
    guard let found, let home else {
      worker.reasons.append(.memoryUnbound)
      warn(.memoryUnbound)
      return
    }
    worker.memoryNode = found.osIndex
    let isLocal = found.osIndex == home
    let reason: NodePlacementReason =
      isLocal
      ? .memoryLocal(node: found.osIndex)
      : .memoryRemote(node: found.osIndex, distance: distance(from: home, to: found.osIndex))
    worker.reasons.append(reason)
    if !isLocal { warn(reason) }
  }

  /// Whether a node can hold a worker's memory. Nodes without any exist (sockets without modules); files that state no
  /// memory at all (NCCL's) leave it open.
  private func holds(_ node: MachineTopology.Node) -> Bool {
    guard topology.nodes.contains(where: { $0.memoryBytes > 0 }) else { return true }
    return node.memoryBytes > 0 && (request.memoryBytes == 0 || free(node) >= request.memoryBytes)
  }

  private func free(_ node: MachineTopology.Node) -> Int { request.freeBytes[node.osIndex] ?? node.memoryBytes }

  /// Each worker's share of what its memory node can give.
  private func divideMemory(_ workers: inout [NodePlacement.Worker]) {
    for index in workers.indices {
      guard let id = workers[index].memoryNode, let node = topology.nodes.first(where: { $0.osIndex == id }) else {
        continue
      }
      workers[index].memoryBytes = free(node) / max(1, workers.count { $0.memoryNode == id })
    }
  }

  // MARK: - What is near

  /// The nearest host node that fits, the node itself first; by distance, then by number.
  private func nearestNode(
    from home: Int, where fits: (MachineTopology.Node) -> Bool
  ) -> MachineTopology.Node? {
    hostNodes.filter(fits).min { a, b in
      let far = (distance(from: home, to: a.osIndex), distance(from: home, to: b.osIndex))
      if a.osIndex == home || b.osIndex == home { return a.osIndex == home }
      // A distance that is not stated is farther than any that is.
      let known = (far.0 == 0 ? Int.max : far.0, far.1 == 0 ? Int.max : far.1)
      return known.0 != known.1 ? known.0 < known.1 : a.osIndex < b.osIndex
    }
  }

  private func distance(from: Int, to: Int) -> Int {
    guard let row = topology.nodes.first(where: { $0.osIndex == from })?.distances,
      let column = topology.nodes.firstIndex(where: { $0.osIndex == to }), row.indices.contains(column)
    else { return 0 }
    return row[column]
  }

  /// The device with the most bridges in common, else on the same node; nil if neither is there. Of equals the one with
  /// the fewest workers, then the first: virtual machines show a NIC for each GPU and no bridges.
  private mutating func nearest(_ kind: MachineTopology.Device.Kind, to gpu: MachineTopology.Device) -> String? {
    let devices = topology.devices.filter { $0.kind == kind && $0.isLocalityKnown && gpu.isLocalityKnown }
    func common(_ device: MachineTopology.Device) -> Int { device.bridges.count { gpu.bridges.contains($0) } }
    let near = devices.filter { device in
      common(device) > 0 || device.numaNodes.contains { gpu.numaNodes.contains($0) }
    }
    let found = near.min {
      (-common($0), workersOnDevice[$0.busID, default: 0], $0.busID)
        < (-common($1), workersOnDevice[$1.busID, default: 0], $1.busID)
    }
    if let found { workersOnDevice[found.busID, default: 0] += 1 }
    return found?.busID
  }
}
