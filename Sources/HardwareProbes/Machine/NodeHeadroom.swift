import SchedulerCore

/// One look at what each NUMA node of this machine can still give, and at what keeps a binding from holding.
public enum NodeHeadroom {
  /// Nodes that this process may allocate on; nil if the kernel does not tell.
  public static func allowedNodes(procRoot: String = "/proc", sysRoot: String = "/sys") -> IDList? {
    ShimCollector(procRoot: procRoot, sysRoot: sysRoot)?.collect().lists.nodesAllowed
  }

  /// Whether the kernel moves pages behind a binding's back.
  public static func isBalanced(procRoot: String = "/proc", sysRoot: String = "/sys") -> Bool {
    let reading = ShimCollector(procRoot: procRoot, sysRoot: sysRoot)?.collect().numaBalancing
    return reading?.value.map { $0 != "0" } ?? false
  }

  /// Free memory and page cache that the kernel drops first, by node number; a node that cannot be read is missing.
  public static func freeBytes(procRoot: String = "/proc", sysRoot: String = "/sys") -> [Int: Int] {
    guard let readings = ShimCollector(procRoot: procRoot, sysRoot: sysRoot)?.collect() else { return [:] }
    var free: [Int: Int] = [:]
    for node in readings.nodes {
      guard let bytes = node.freeBytes.value else { continue }
      free[node.osIndex] = bytes + (node.inactiveFileBytes.value ?? 0)
    }
    return free
  }
}
