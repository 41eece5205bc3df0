/// The topology of this machine, kept fresh.
typealias TopologyRefresher = HelperRefresher<TopologyDocument>

extension HelperRefresher<TopologyDocument> {
  init(find: @escaping () -> Result<String, ProbeFailure>, limits: MonitorLimits, nowMs: Int) {
    let job = Job(
      arguments: ["--stages"],
      intervalMs: { _ in limits.topologyIntervalMs }, missedBeforeStale: limits.missedBeforeStale,
      lostAfterMs: limits.topologyLostAfterMs,
      parse: { (bytes) throws(ProbeFailure) in try TopologyDocument(bytes: bytes) })
    self.init(job, find: find, limits: limits, nowMs: nowMs)
  }
}
