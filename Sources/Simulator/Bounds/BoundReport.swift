import SchedulerCore
import WireProtocol

/// Every bound of one workload on one profile, for people and programs.
public struct BoundReport: Sendable {
  /// A slice of the trace, from `fromS` on, that the linear program looks at.
  public struct Slice: Hashable, Sendable {
    public var fromS: Double
    public var seconds: Double

    public init(fromS: Double, seconds: Double) {
      self.fromS = fromS
      self.seconds = seconds
    }
  }

  private let source: WorkloadSource
  private let profile: GPUProfile
  private let rateScale: Double
  private var members: JSONObject

  /// Work and fluid bounds: one pass over the workload.
  /// - Parameter dropped: share of requests that may be dropped, as in a goal of 99 %.
  public init(
    source: WorkloadSource, profile: GPUProfile, rateScale: Double, dropped: Double
  ) throws(WorkloadError) {
    self.source = source
    self.profile = profile
    self.rateScale = rateScale
    let demand = try WorkloadDemand(
      try source.open(rateScale: 1), classes: source.mix.entries.count, prefixCaching: true, time: profile.time)
    let work = WorkBound(
      demand: demand, time: profile.time, kvCapacityTokens: profile.kvCapacityTokens, sequencesMax: profile.sequences)
    let fluid = FluidBound(demand: demand, time: profile.time, kvCapacityTokens: profile.kvCapacityTokens)
    let pace = Pace(source.mix)
    members = [
      "trace": .string(source.name), "profile": .string(profile.name), "requests": JSONValue(demand.requests),
      "trace_requests_per_s": .number(demand.ratePerS),
      "work": [
        "prefill_utilization": .number(work.prefillUtilization), "decode_utilization": .number(work.decodeUtilization),
        "requests_per_s": .number(work.rateMultiple * demand.ratePerS),
        "piggyback_requests_per_s": .number(work.piggybackRateMultiple * demand.ratePerS),
      ],
      "fluid": [
        "tpot_ms": .number(pace.tpotMs), "all_served_requests_per_s": .number(fluid.requestsPerS(pace)),
        "dropped_ratio": .number(dropped),
        "dropped_requests_per_s": .number(fluid.requestsPerS(pace, dropped: dropped)),
        "everybody_in_every_iteration_requests_per_s": .number(fluid.requestsPerS(tpotMs: pace.tpotMs)),
      ],
    ]
  }

  /// Adds hit rates of prefix caches; nothing when prompts have no block identities.
  /// - Parameter shares: capacities, as shares of what all different blocks need, at which every eviction policy of the
  ///   core is set beside Belady's.
  public mutating func addCache(capacityTokens: Int, shares: [Double] = []) throws(WorkloadError) {
    let cache = try CacheBound(try source.open(rateScale: 1))
    guard cache.hasBlocks else { return }
    addEviction(cache, shares)
    members["cache"] = [
      "capacity_tokens": JSONValue(capacityTokens), "infinite_hit_ratio": .number(cache.infiniteHitRatio),
      "belady_hit_ratio": .number(cache.beladyHitRatio(capacityTokens: capacityTokens)),
      "lru_hit_ratio": .number(cache.lruHitRatio(capacityTokens: capacityTokens)),
    ]
  }

  private mutating func addEviction(_ cache: CacheBound, _ shares: [Double]) {
    guard !shares.isEmpty else { return }
    let footprint = cache.footprintTokens
    members["cache_eviction"] = [
      "footprint_tokens": JSONValue(footprint),
      "capacities": .array(
        shares.map { share in
          let capacity = Int(Double(footprint) * share)
          let belady = cache.beladyHitRatio(capacityTokens: capacity)
          var row: JSONObject = [
            "capacity_share": .number(share), "capacity_tokens": JSONValue(capacity),
            "belady_hit_ratio": .number(belady),
          ]
          for eviction in CacheEviction.allCases {
            let ratio = cache.hitRatio(eviction, capacityTokens: capacity)
            row["\(eviction.rawValue)_hit_ratio"] = .number(ratio)
            row["\(eviction.rawValue)_of_belady_ratio"] = .number(belady > 0 ? ratio / belady : 1)
          }
          return .object(row)
        }),
    ]
  }

  /// Adds the time-indexed linear program over a slice of the trace. Needs `glpsol`.
  public mutating func addLinearProgram(_ slice: Slice) throws(BoundError) {
    let requests = try requests(slice)
    let good = try TimeIndexedBound(
      requests: requests, mix: source.mix, time: profile.time, stepTokens: profile.stepTokens
    ).goodRequests()
    members["linear_program"] = [
      "from_s": .number(slice.fromS), "seconds": .number(slice.seconds), "requests": JSONValue(requests.count),
      "good_requests": .number(good), "good_ratio": .number(good / Double(max(1, requests.count))),
      "good_requests_per_s": .number(good / slice.seconds),
    ]
  }

  private func requests(_ slice: Slice) throws(BoundError) -> [WorkloadRequest] {
    let startUs = Int64(slice.fromS * 1_000_000)
    let endUs = startUs + Int64(slice.seconds * 1_000_000)
    var requests: [WorkloadRequest] = []
    do throws(WorkloadError) {
      var workload = try source.open(rateScale: rateScale)
      while var request = try workload.next(), request.arrivalUs < endUs, requests.count < TimeIndexedBound.requestsMax
      {
        guard request.arrivalUs >= startUs else { continue }
        request.arrivalUs -= startUs
        requests.append(request)
      }
    } catch { throw .workload(error) }
    return requests
  }

  /// Adds what speculation can give batches of requests of like acceptance, contexts as the workload's on average.
  /// - Parameter trees: nil for chains only.
  public mutating func addSpeculation(
    acceptance: Double, draftStepUs: Double, contextTokens: Int, trees: SpeculationOptions.Tree? = nil
  ) {
    let bound = SpeculationBound(time: profile.time, draftStepUs: draftStepUs)
    members["speculation"] = .array(
      Self.batches.map { count in
        let one = SpeculationBound.Request(acceptance: acceptance, contextTokens: contextTokens)
        let batch = Array(repeating: one, count: count)
        let choice = trees.map { bound.best(batch, trees: $0) } ?? bound.best(batch)
        let levels = choice.shapes.first.map { $0.digits(drafts: choice.drafts[0]) } ?? ""
        return [
          "batch": JSONValue(count), "drafts": .number(Double(choice.drafts.reduce(0, +)) / Double(count)),
          "levels": levels.isEmpty ? .null : .string(levels), "speedup": .number(choice.speedup),
          "tokens_per_s": .number(choice.tokensPerS),
        ]
      })
  }

  private static let batches = [1, 8, 32, 64, 128, 256]

  public var json: JSONValue { .object(members) }

  public var table: String {
    func number(_ value: JSONValue?) -> String { TableText.number(value) }
    func percent(_ value: JSONValue?) -> String { TableText.percent(value) }
    var lines = [
      "\(source.name) on \(profile.name): \(number(members["trace_requests_per_s"])) requests/s as recorded", "",
    ]
    func add(_ name: String, _ value: String) { lines.append(TableText.left(name, 44) + value) }
    let (work, fluid) = (members["work"], members["fluid"])
    add("work bound", "\(number(work?["requests_per_s"])) requests/s")
    add("work bound, decodes ride along", "\(number(work?["piggyback_requests_per_s"])) requests/s")
    add("fluid bound, all served", "\(number(fluid?["all_served_requests_per_s"])) requests/s")
    add(
      "fluid bound, \(percent(fluid?["dropped_ratio"])) dropped",
      "\(number(fluid?["dropped_requests_per_s"])) requests/s")
    if let program = members["linear_program"] {
      add(
        "linear program, \(number(program["seconds"])) s from \(number(program["from_s"])) s",
        "\(percent(program["good_ratio"])) of \(program["requests"]?.text ?? "0") requests")
    }
    if let cache = members["cache"] {
      add("prefix cache, infinite", "\(percent(cache["infinite_hit_ratio"])) of prompt tokens")
      add("prefix cache, \(cache["capacity_tokens"]?.text ?? "") tokens, Belady", percent(cache["belady_hit_ratio"]))
      add("prefix cache, the same, LRU", percent(cache["lru_hit_ratio"]))
    }
    for row in members["cache_eviction"]?["capacities"]?.arrayValue ?? [] {
      let policies = CacheEviction.allCases.map { eviction in
        "\(eviction.rawValue) \(percent(row["\(eviction.rawValue)_hit_ratio"]))"
          + " (\(percent(row["\(eviction.rawValue)_of_belady_ratio"])))"
      }
      add(
        "prefix cache, \(percent(row["capacity_share"])) of the footprint (of Belady)",
        policies.joined(separator: ", ") + ", belady \(percent(row["belady_hit_ratio"]))")
    }
    for row in members["speculation"]?.arrayValue ?? [] {
      add(
        "speculation, batch of \(row["batch"]?.text ?? "")",
        "\(number(row["drafts"])) drafts\(row["levels"]?.stringValue.map { " as \($0)" } ?? ""), "
          + "\(number(row["speedup"])) x, \(number(row["tokens_per_s"])) tokens/s"
      )
    }
    return lines.joined(separator: "\n")
  }
}
