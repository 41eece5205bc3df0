/// One look at what each NUMA node of this machine can still give.
public enum NodeHeadroom {
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
