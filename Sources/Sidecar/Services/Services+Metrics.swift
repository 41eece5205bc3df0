import SchedulerCore
import WireProtocol

extension Services {
  /// `Admin/Metrics`: the same text that the HTTP port serves.
  func metricsReply() async -> JSONValue {
    ["content_type": .string(MetricsText.contentType), "text": .string(await metricsText())]
  }

  /// One scrape.
  func metricsText() async -> String {
    var report = MetricsReport(views: await views(), book: registry.metrics.snapshot)
    report.addSidecar(
      version: version, startUnixMs: Self.unixMs() - (MonotonicClock.nowUs() - startedUs) / 1000,
      isServing: health.now.isReady, isDraining: health.drain != nil, tenants: registry.tenantCount,
      recordedBytes: registry.recordingBudget.taken, policy: registry.policy,
      isLastUpdateFailed: policy.isLastUpdateFailed)
    report.addSessions()
    report.addResources(resources.current(), snapshot: resources.snapshot())
    return report.text.text
  }
}
