import SchedulerCore

/// The most requests of a slice of a trace that anybody could serve within their SLO, as a linear program over slots of
/// time, with requests accepted in part.
///
/// Columns: how much of each request is accepted; GPU time of its prefill in each slot until its TTFT limit and of its
/// decode in each slot until its last token is due; iterations in each slot. Rows: the parts add up to the accepted
/// work; a slot's work and the fixed cost of its iterations fit into it; prefill tokens fit into its iterations; and a
/// request needs as many iterations in its time as it has output tokens after the first.
///
/// What is relaxed: parts of requests, whole tokens, decode before the end of prefill, KV memory, and every cost is
/// that of the cheaper kind of iteration. So no scheduler gets above it; lengths are known.
public struct TimeIndexedBound: Sendable {
  /// Slots are so long while requests arrive, then longer.
  public static let slotMs = 100.0
  private static let tailSlotMs = 1_000.0
  /// Fine slots go on for so long after the last arrival.
  private static let fineTailMs = 2_000.0
  public static let requestsMax = 5_000

  private let requests: [WorkloadRequest]
  private let mix: ClassMix
  private let time: IterationTimeModel
  private let stepTokens: Int
  private let weights: [Double]

  /// - Parameters:
  ///   - requests: the slice, in order of arrival; times from its start.
  ///   - weights: worth of a request of each class; empty: 1.
  public init(
    requests: [WorkloadRequest], mix: ClassMix, time: IterationTimeModel, stepTokens: Int, weights: [Double] = []
  ) {
    self.requests = requests
    self.mix = mix
    self.time = time
    self.stepTokens = stepTokens
    self.weights = weights.isEmpty ? mix.entries.map { _ in 1 } : weights
  }

  /// Requests within their SLO, by their weights. Needs `glpsol`.
  public func goodRequests() throws(BoundError) -> Double {
    guard !requests.isEmpty else { return 0 }
    var program = LinearProgram()
    let slots = slots()
    let iterations = slots.map { _ in program.addColumn() }
    let timeRows = slots.map { program.addRow(.atMost, $0.ms) }
    let tokenRows = slots.map { _ in program.addRow(.atMost, 0) }
    for slot in slots.indices {
      program.set(row: timeRows[slot], column: iterations[slot], costs.iterationMs)
      program.set(row: tokenRows[slot], column: iterations[slot], -Double(stepTokens))
    }
    for request in requests {
      add(request, to: &program, slots, iterations: iterations, timeRows: timeRows, tokenRows: tokenRows)
      guard program.columns.count <= LinearProgram.columnsMax else { throw .tooLarge(columns: program.columns.count) }
    }
    return try GLPKSolver.maximum(of: program)
  }

  // MARK: - Slots

  private func slots() -> [(startMs: Double, ms: Double)] {
    let lastMs = Double(requests[requests.count - 1].arrivalUs) / 1000
    let endMs = requests.map(lastTokenMs).max() ?? 0
    var slots: [(startMs: Double, ms: Double)] = []
    var startMs = 0.0
    while startMs < endMs {
      let ms = startMs < lastMs + Self.fineTailMs ? Self.slotMs : Self.tailSlotMs
      slots.append((startMs, ms))
      startMs += ms
    }
    return slots
  }

  private func arrivalMs(_ request: WorkloadRequest) -> Double { Double(request.arrivalUs) / 1000 }

  private func firstTokenMs(_ request: WorkloadRequest) -> Double {
    arrivalMs(request) + Double(mix.entries[request.classIndex].ttftSLOMs)
  }

  private func lastTokenMs(_ request: WorkloadRequest) -> Double {
    firstTokenMs(request) + Double((request.outputTokens - 1) * mix.entries[request.classIndex].tpotSLOMs)
  }

  /// Slots that overlap a time.
  private func range(
    _ slots: [(startMs: Double, ms: Double)], from startMs: Double, to endMs: Double
  ) -> Range<Int> {
    let first = slots.firstIndex { $0.startMs + $0.ms > startMs } ?? slots.count
    let last = slots[first...].firstIndex { $0.startMs >= endMs } ?? slots.count
    return first..<max(first, last)
  }

  // MARK: - Requests

  /// The least that anything costs, in iterations with prefill or without.
  private var costs: (iterationMs: Double, decodeMs: Double, contextMs: Double) {
    let (alone, mixed) = (time.decodeOnly, time.withPrefill)
    let fixedMs = min(mixed.a, alone.a + alone.b0) + Double(time.overheadUs) / 1000
    return (fixedMs, min(alone.d, mixed.b + mixed.d), min(alone.e, mixed.e))
  }

  private func add(
    _ request: WorkloadRequest, to program: inout LinearProgram, _ slots: [(startMs: Double, ms: Double)],
    iterations: [Int], timeRows: [Int], tokenRows: [Int]
  ) {
    let accepted = program.addColumn(gain: weights[request.classIndex], most: 1)
    let demand = DemandSums(request, hitTokens: 0)
    let k = time.withPrefill
    let prefillMs = k.b * demand.newPromptTokens + k.c * demand.prefillPairs
    let prefillRow = program.addRow(.equal, 0)
    program.set(row: prefillRow, column: accepted, -1)
    for slot in range(slots, from: arrivalMs(request), to: firstTokenMs(request)) {
      // The share of the prompt that is computed in the slot.
      let share = program.addColumn()
      program.set(row: prefillRow, column: share, 1)
      program.set(row: timeRows[slot], column: share, prefillMs)
      program.set(row: tokenRows[slot], column: share, demand.newPromptTokens)
    }
    guard demand.decodes > 0 else { return }
    let decodeMs = costs.decodeMs * demand.decodes + costs.contextMs * demand.decodeContextTokens
    let decodeRow = program.addRow(.equal, 0)
    let iterationRow = program.addRow(.atMost, 0)
    program.set(row: decodeRow, column: accepted, -1)
    program.set(row: iterationRow, column: accepted, demand.decodes)
    for slot in range(slots, from: arrivalMs(request), to: lastTokenMs(request)) {
      let share = program.addColumn()
      program.set(row: decodeRow, column: share, 1)
      program.set(row: timeRows[slot], column: share, decodeMs)
      program.set(row: iterationRow, column: iterations[slot], -1)
    }
  }
}
