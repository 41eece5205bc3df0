/// The figures of this machine's GPUs, kept fresh.
typealias GPURefresher = HelperRefresher<GPUDocument>

extension HelperRefresher<GPUDocument> {
  /// - Parameter library: file of the driver's library; nil for where the dynamic linker finds it.
  init(
    gpuLibrary library: String?, find: @escaping () -> Result<String, ProbeFailure>, limits: MonitorLimits, nowMs: Int
  ) {
    let job = Job(
      arguments: ["--gpus"] + (library.map { ["--nvml", $0] } ?? []),
      intervalMs: { $0.status == .unsupported ? limits.gpuSearchIntervalMs : limits.gpuIntervalMs },
      missedBeforeStale: limits.missedBeforeStale, lostAfterMs: limits.topologyLostAfterMs,
      parse: { (bytes) throws(ProbeFailure) in try GPUDocument(bytes: bytes) })
    self.init(job, find: find, limits: limits, nowMs: nowMs)
  }
}
