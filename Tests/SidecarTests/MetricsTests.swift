import Foundation
import Policy
import SchedulerCore
import Synchronization
import Testing
import WireClient
import WireProtocol

@testable import Sidecar

/// What is scraped, over the admin socket and over HTTP.
struct MetricsTests {
  private static func scrape(_ directory: String) throws -> Exposition {
    let reply = try WireClient(path: directory + "/admin.sock").call(.metrics)
    return try Exposition(try #require(reply.message["text"]?.stringValue))
  }

  @Test func aRunIsCounted() async throws {
    try await RunningSidecar.with(policy: "balanced") { directory in
      try RecordedRun.engine(directory, requests: 60, kvTokens: 30_000)
      var text = try Self.scrape(directory)
      // The end of the stream reaches the sidecar's loop a moment later.
      for _ in 0..<200 where text.value("coxswain_sessions", ["state": "live"]) != 0 {
        usleep(10_000)
        text = try Self.scrape(directory)
      }
      let steps = try #require(text.value("coxswain_steps_total", ["server": "reference-engine/0"]))
      #expect(steps > 100)
      #expect(text.value("coxswain_step_duration_seconds_count") == steps)
      #expect(text.sum("coxswain_requests_arrived_total") == 60)
      for family in ["queue_wait", "time_to_first_token"] {
        #expect(text.sum("coxswain_\(family)_seconds_count") == 60, "\(family)")
      }
      // The engine leaves with its last request: nobody reports its end.
      let finished = text.sum("coxswain_requests_finished_total")
      #expect([59, 60].contains(finished))
      #expect(text.sum("coxswain_request_duration_seconds_count") == finished)
      let within = text.sum("coxswain_requests_within_slo_total", ["slo": "both"])
      #expect(within <= 60)
      #expect(within <= text.sum("coxswain_requests_within_slo_total", ["slo": "ttft"]))
      #expect(
        text.sum("coxswain_request_duration_seconds_sum") > text.sum("coxswain_time_to_first_token_seconds_sum"))
      #expect(text.sum("coxswain_time_to_first_token_seconds_sum") > text.sum("coxswain_queue_wait_seconds_sum"))
      #expect(text.sum("coxswain_executed_tokens_total") > 0)
      #expect(text.value("coxswain_policy_info", ["name": "balanced"]) == 1)
      // A second session of the same engine: counters go on.
      try RecordedRun.engine(directory, requests: 5, seed: 9)
      #expect(try Self.scrape(directory).value("coxswain_steps_total", ["server": "reference-engine/0"])! > steps)
    }
  }

  @Test func everyFamilyIsThereOnceWithHelpTypeAndItsLabels() async throws {
    try await RunningSidecar.with(policy: "balanced") { directory in
      try RecordedRun.engine(directory, requests: 10)
      let text = try Self.scrape(directory)
      #expect(text.families.map(\.name) == MetricFamily.allCases.map(\.rawValue))
      for family in MetricFamily.allCases {
        #expect(text.families.contains { $0.name == family.rawValue && $0.type == family.kind.rawValue })
        for sample in text.samples(of: family.rawValue) {
          #expect(sample.labels.map(\.name).filter { $0 != "le" } == family.labels, "\(family.rawValue)")
        }
      }
      #expect(text.value("coxswain_metrics_series") == Double(text.samples.count))
      // Buckets grow, the last one is the count.
      for sample in text.samples where sample.name.hasSuffix("_bucket") && sample.labels.last?.value == "+Inf" {
        let labels = Dictionary(uniqueKeysWithValues: sample.labels.dropLast().map { ($0.name, $0.value) })
        #expect(text.value(sample.name.replacing("_bucket", with: "_count"), labels) == sample.value)
      }
    }
  }

  /// Fifty engines of fifty models with classes and names that would break the format.
  @Test func whateverClientsSendThereAreAtMostTwoThousandSeries() async throws {
    let classes = (0..<16).map {
      JSONValue.object(["name": .string("class-\($0)"), "rank": 1, "ttft_slo_ms": 5, "tpot_slo_ms": 5])
    }
    let policy: JSONValue = ["version": 1, "name": "many", "classes": .array(classes), "default_class": "class-15"]
    let source = PolicySource(try PolicyDocument.decode(policy))
    try await RunningSidecar.with(source: source) { directory in
      var engines: [WireClient] = []
      for n in 0..<50 {
        let engine = try WireClient(path: directory + "/engine.sock")
        guard case .object(var message) = try JSONValue(parsing: Conversation.engine) else { return }
        message["server_id"] = .string("evil \"\\\n server \(n)")
        message["model"] = [
          "id": .string("model\n\(n)\""), "parameters": 1, "pools": [["blocks": 100]],
          "kv_groups": [["pool": 0, "block_tokens": 16, "bytes_per_token": 1]],
        ]
        let epoch = try #require(try engine.call(.register, message: .object(message)).message["epoch"]?.integerValue)
        for h in 0..<16 {
          let names = #""names":["tenant-\#(n)-\#(h)","class-\#(h)"],"#
          let arrived =
            #""arrived":{"h":[\#(h)],"id":["id-\#(h)"],"tenant":[\#(2 * h)],"class":[\#(2 * h + 1)],"prompt":[1],"max_output":[2],"age_us":[0]}"#
          let settled = h > 0 ? #","settled":[{"seq":\#(h),"elapsed_us":5}]"# : ""
          let step = Conversation.step(epoch: epoch, seq: h + 1, names + arrived + settled)
          #expect(try engine.call(.step, message: try JSONValue(parsing: step)).code == .ok)
        }
        engines.append(engine)
      }
      let text = try Self.scrape(directory)
      #expect(text.samples.count <= MetricsText.seriesLimit)
      #expect(text.sum("coxswain_requests_arrived_total") == 800)
      #expect(text.value("coxswain_requests_arrived_total", ["class": "other"]) == 300)
      #expect(Set(text.samples(of: "coxswain_steps_total").map { $0.labels[0].value }).count == 9)
      #expect(text.sum("coxswain_steps_total") == 800)
      #expect(text.samples(of: "vllm:num_requests_running").count == 9)
      let groups = text.samples(of: "coxswain_group_wait_seconds")
      #expect(groups.count == MetricsReport.groupLimit + 1)
      #expect(text.sum("coxswain_group_requests_waiting") > 0)
      #expect(!text.text.contains("tenant-"))
      #expect(!text.text.contains("id-1"))
      #expect(text.text.contains(#"server="evil \"\\\n server 0/0""#))
      withExtendedLifetime(engines) {}
    }
  }

  @Test func refusedAndAppliedPoliciesAreCounted() async throws {
    try await RunningSidecar.with { directory in
      let admin = try WireClient(path: directory + "/admin.sock")
      _ = try admin.call(.policyApply, message: ["policy": ["version": 1, "name": "a"]])
      _ = try admin.call(.policyApply, message: ["policy": [:]])
      let text = try Self.scrape(directory)
      #expect(text.value("coxswain_policy_updates_total", ["source": "apply", "result": "applied"]) == 1)
      #expect(text.value("coxswain_policy_updates_total", ["source": "apply", "result": "refused"]) == 1)
      #expect(text.value("coxswain_policy_last_update_failed") == 1)
      #expect(text.value("coxswain_policy_generation") == 2)
    }
  }

  @Test func figuresOfTheMachineAreCountedByStatus() throws {
    var report = MetricsReport(views: [], book: MetricsBook.Contents())
    report.addResources(
      .unknown,
      snapshot: [
        "memory": [
          "total_bytes": ["value": 5, "status": "ok", "age_ms": 1],
          "pressure": ["some": ["avg10_percent": ["value": 12.5, "status": "stale", "age_ms": 9]]],
        ],
        "nodes": [["free_bytes": ["value": nil, "status": "denied", "age_ms": nil]]],
      ])
    let text = try Exposition(report.text.text)
    #expect(text.value("coxswain_resource_leaves", ["status": "ok"]) == 1)
    #expect(text.value("coxswain_resource_leaves", ["status": "stale"]) == 1)
    #expect(text.value("coxswain_resource_leaves", ["status": "denied"]) == 1)
    #expect(text.value("coxswain_pressure_ratio", ["resource": "memory", "kind": "some"]) == 0.125)
    #expect(text.samples(of: "coxswain_memory_headroom_bytes").isEmpty)
  }

  @Test func histogramsCountWhatTheySay() {
    var histogram = LatencyHistogram(.steps)
    for us in [0, 25, 26, 99_999, 100_000, 100_001, -5] { histogram.observe(us: us) }
    #expect(histogram.counts == [3, 1, 0, 0, 0, 0, 0, 0, 0, 2, 1])
    #expect(histogram.count == 7)
    var other = LatencyHistogram(.steps)
    other.observe(us: 60)
    histogram.add(other)
    #expect(histogram.counts[2] == 1)
  }

  // MARK: - HTTP

  @Test func theHTTPPortServesScrapersAndProbesAndNobodyElse() async throws {
    let boundPort = Mutex(0)
    let keep: @Sendable (Int) -> Void = { port in boundPort.withLock { $0 = port } }
    try await RunningSidecar.with(metricsPort: 0, onPort: keep) { _ in
      let port = boundPort.withLock { $0 }
      let metrics = try HTTPExchange.get("/metrics", port: port)
      #expect(metrics.status == 200)
      #expect(metrics.headers["content-type"] == MetricsText.contentType)
      #expect(try Exposition(metrics.body).value("coxswain_serving") == 1)
      #expect(try HTTPExchange.get("/readyz", port: port).body == "SERVING\n")
      #expect(try HTTPExchange.get("/livez", port: port).status == 200)
      #expect(try HTTPExchange.get("/", port: port).status == 404)
      #expect(try HTTPExchange.request("POST", "/metrics", port: port).status == 405)
      #expect(try HTTPExchange.request("HEAD", "/metrics", port: port).body == "")
      #expect(try HTTPExchange.raw("nonsense\r\n\r\n", port: port).status == 400)
    }
  }

  // MARK: - Docs

  @Test func thePageHasEveryMetric() throws {
    let page = try String(contentsOf: Self.root.appending(path: "Docs/metrics.md"), encoding: .utf8)
    for family in MetricFamily.allCases {
      let labels = family.labels.map { "`\($0)`" }.joined(separator: ", ")
      let row = "| `\(family.rawValue)` | \(family.kind.rawValue) | \(labels) | \(family.help) |"
      #expect(page.contains(row), "Docs/metrics.md lacks: \(row)")
    }
    let known = Set(MetricFamily.allCases.map(\.rawValue))
    for match in page.matches(of: /coxswain_[a-z_]+/) {
      let name = String(match.0).replacing(/_(bucket|sum|count)$/, with: "")
      #expect(known.contains(name) || known.contains(String(match.0)), "Docs/metrics.md speaks of \(match.0)")
    }
  }

  private static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()
}
