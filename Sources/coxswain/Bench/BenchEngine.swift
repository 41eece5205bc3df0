import SchedulerCore
import WireProtocol

/// An engine that does exactly what every plan says, for measuring: `running` requests decode without end, `waiting`
/// ones stand behind them, and in each Step `turnover` requests end and as many arrive.
///
/// Blocks are never short, so that the figures are those of planning and not of one workload's preemptions.
struct BenchEngine {
  static let running = 256
  static let elapsedUs: Int64 = 21_000
  private static let freeBlocks = 1 << 24
  private static let arrivalsPerStep = 256
  private static let tenants = 8
  /// Prompt of a request that arrives; one chunk.
  private static let promptTokens = 240
  private static let maxOutputTokens = 1 << 20

  private struct Request {
    var prompt: Int
    var computed = 0
    var output = 0
    var isRunning = false
    var isLive = true
  }

  let waiting: Int
  let turnover: Int
  private let classes: BenchClasses
  private(set) var epoch: UInt64 = 0
  private(set) var seq: UInt64 = 0
  /// By handle.
  private var requests: [Request] = []
  /// In order of admission.
  private var runningHandles: [RequestHandle] = []
  private var check = StepDelta.Check(running: 0, waiting: 0, blocked: 0, computed: 0, output: 0)
  /// Plans launched and not yet settled, oldest first.
  private var unsettled: [UInt64] = []
  private var nowUs: Int64 = 1_000_000
  private var spotTurn = 0

  init(waiting: Int, turnover: Int, classes: BenchClasses = .alike) {
    self.waiting = waiting
    self.turnover = turnover
    self.classes = classes
  }

  static let description = EngineDescription(
    name: "bench", version: "1", serverID: "bench", engineBootID: "bench",
    model: EngineDescription.Model(
      id: "bench", parameters: 8_030_261_248, pools: [EngineDescription.Pool(blocks: freeBlocks * 2)],
      kvGroups: [EngineDescription.KVGroup(pool: 0, blockTokens: 16, bytesPerToken: 131_072, windowTokens: 0)]),
    inFlightMax: 2,
    limits: EngineDescription.Limits(
      stepTokens: 8192, sequences: running, length: 1 << 24, adapters: 0, encoderTokens: 0),
    fullPromptMustFit: true,
    capabilities: [.order, .hold, .budget, .sequences, .chunk, .pause, .requeue, .victimOrder])

  // MARK: - Steps

  /// Makes the engine known: a sync Step with all that runs, then the waiting requests, at most 256 in a Step.
  /// - Parameter exchange: sends a Step and returns its reply.
  mutating func establish<Failure: Error>(
    epoch: UInt64, exchange: (StepDelta) throws(Failure) -> StepReply
  ) throws(Failure) {
    self.epoch = epoch
    var delta = StepDelta()
    begin(&delta)
    delta.sync = true
    delta.names = (0..<Self.tenants).map { "tenant-\($0)" } + classes.names
    for index in 0..<Self.running { arriveRunning(index, &delta) }
    end(&delta)
    accept(try exchange(delta))
    while check.waiting < waiting {
      begin(&delta)
      for _ in 0..<min(Self.arrivalsPerStep, waiting - check.waiting) { arrive(&delta, classes.waiting) }
      end(&delta)
      accept(try exchange(delta))
    }
  }

  /// The next Step: everything went as planned.
  mutating func step(into delta: inout StepDelta) {
    begin(&delta)
    for _ in 0..<turnover {
      arrive(&delta)
      removeOldest(&delta)
    }
    end(&delta)
    delta.spot = spot()
  }

  /// Launches the plan as it is.
  mutating func accept(_ reply: StepReply) {
    guard reply.hasPlan, reply.decodesAll || !reply.run.isEmpty else { return }
    if reply.decodesAll {
      let listed = Set(reply.pause).union(reply.run.map(\.h))
      for h in runningHandles where !listed.contains(h) { launch(h, tokens: 1) }
    }
    for item in reply.run { launch(item.h, tokens: item.n) }
    unsettled.append(reply.seq)
  }

  private mutating func begin(_ delta: inout StepDelta) {
    delta.removeAll()
    seq += 1
    nowUs += Self.elapsedUs
    delta.epoch = epoch
    delta.seq = seq
    delta.nowUs = nowUs
    delta.kvFreeBlocks.append(Self.freeBlocks)
    // One plan stays in flight, as under asynchronous scheduling.
    while unsettled.count > 1 {
      delta.settled.seq.append(unsettled.removeFirst())
      delta.settled.elapsedUs.append(Self.elapsedUs)
      delta.settled.acceptedEnd.append(0)
    }
  }

  private func end(_ delta: inout StepDelta) { delta.check = check }

  // MARK: - Requests

  /// - Parameter classIndex: nil: its turn's.
  private mutating func arrive(_ delta: inout StepDelta, _ classIndex: Int? = nil) {
    let h = RequestHandle(requests.count)
    delta.arrived.h.append(h)
    delta.arrived.id.append("cmpl-\(String(h, radix: 16))")
    delta.arrived.tenant.append(Int(h) % Self.tenants)
    delta.arrived.requestClass.append(Self.tenants + (classIndex ?? classes.index(of: Int(h))))
    delta.arrived.prompt.append(Self.promptTokens)
    delta.arrived.maxOutput.append(Self.maxOutputTokens)
    delta.arrived.ageUs.append(1_840)
    requests.append(Request(prompt: Self.promptTokens))
    check.waiting += 1
  }

  /// A request that has run for a while; they differ in length.
  private mutating func arriveRunning(_ index: Int, _ delta: inout StepDelta) {
    arrive(&delta)
    let h = requests.count - 1
    let output = 1 + index % 97
    let computed = Self.promptTokens + output - 1
    delta.state.h.append(RequestHandle(h))
    delta.state.computed.append(computed)
    delta.state.output.append(output)
    delta.state.running.append(true)
    requests[h].computed = computed
    requests[h].output = output
    check.computed += computed
    check.output += output
    run(h)
  }

  private mutating func run(_ index: Int) {
    requests[index].isRunning = true
    runningHandles.append(RequestHandle(index))
    check.running += 1
    check.waiting -= 1
  }

  private mutating func launch(_ h: RequestHandle, tokens: Int) {
    let index = Int(h)
    guard requests[index].isLive else { return }
    if !requests[index].isRunning { run(index) }
    requests[index].computed += tokens
    check.computed += tokens
    guard requests[index].computed >= requests[index].prompt + requests[index].output else { return }
    requests[index].output += 1
    check.output += 1
  }

  private mutating func removeOldest(_ delta: inout StepDelta) {
    let h = runningHandles.removeFirst()
    let index = Int(h)
    delta.removed.append(h)
    delta.removedWhy.append(.stop)
    requests[index].isLive = false
    check.running -= 1
    check.computed -= requests[index].computed
    check.output -= requests[index].output
  }

  private mutating func spot() -> StepDelta.Spot {
    spotTurn = (spotTurn + 1) % runningHandles.count
    let h = runningHandles[spotTurn]
    let request = requests[Int(h)]
    return StepDelta.Spot(h: h, computed: request.computed, output: request.output, running: true, blocked: false)
  }
}
