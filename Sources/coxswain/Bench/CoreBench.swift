import SchedulerCore
import WireProtocol

/// The core and the codecs alone, in this process: no socket, no thread.
struct CoreBench {
  /// Steps before anything is timed.
  private static let warmUpSteps = 200

  struct Figures {
    /// Apply a Step and make its plan.
    var core: Quantiles
    /// Read a request frame's payload into a Step.
    var decode: Quantiles
    /// Write a plan as a reply frame.
    var encode: Quantiles
  }

  private var engine: BenchEngine
  private var core: SchedulerCore
  private var codec: StepCodec
  private var delta = StepDelta()
  private var decoded = StepDelta()
  private var plan = StepPlan()
  private var request = JSONWriter()
  private var reply = JSONWriter()

  init(
    policy: PolicyConfig, waiting: Int, turnover: Int, classes: BenchClasses = .alike
  ) throws(CommandFailure) {
    let limits = MirrorLimits()
    codec = StepCodec(limits: limits)
    core = SchedulerCore(engine: BenchEngine.description, policy: policy, limits: limits)
    engine = BenchEngine(waiting: waiting, turnover: turnover, classes: classes)
    var core = core
    try engine.establish(epoch: 1) { (delta) throws(CommandFailure) in try Self.answer(delta, &core) }
    self.core = core
    for _ in 0..<Self.warmUpSteps {
      _ = try step()
      noteUpgrades()
    }
  }

  /// Classes whose requests ran on capacity of better ones before anything was timed.
  private(set) var upgradedClasses: Set<String> = []

  private mutating func noteUpgrades() {
    for reason in plan.reasons {
      guard case .upgraded = reason.reason, let request = core.request(reason.h) else { continue }
      upgradedClasses.insert(core.name(request.className))
    }
  }

  /// - Parameter rounds: the lowest figures of so many rounds count.
  mutating func measure(rounds: Int, steps: Int) throws(CommandFailure) -> Figures {
    var best: Figures?
    for _ in 0..<rounds {
      var core = Distribution(capacity: steps)
      var decode = Distribution(capacity: steps)
      var encode = Distribution(capacity: steps)
      for _ in 0..<steps {
        let spans = try step()
        core.add(spans.core)
        decode.add(spans.decode)
        encode.add(spans.encode)
      }
      let round = Figures(core: core.quantiles(), decode: decode.quantiles(), encode: encode.quantiles())
      best = Figures(
        core: round.core.least(best?.core ?? round.core), decode: round.decode.least(best?.decode ?? round.decode),
        encode: round.encode.least(best?.encode ?? round.encode))
    }
    guard let best else { throw CommandFailure(.usage, "--rounds: expected at least 1") }
    return best
  }

  /// One Step; nanoseconds of its three parts.
  private mutating func step() throws(CommandFailure) -> (core: Int, decode: Int, encode: Int) {
    engine.step(into: &delta)
    request.removeAll()
    RequestWriter.write(id: engine.seq, method: WireMethod.step.rawValue, timeoutUs: 2000, into: &request) {
      StepCodec.encode(delta, into: &$0)
    }
    let start = MonotonicClock.nowNs()
    try Self.decode(request, with: codec, into: &decoded)
    let isDecoded = MonotonicClock.nowNs()
    do throws(StepRejection) { try core.apply(decoded) } catch { throw Self.failure(error) }
    core.plan(resources: .unknown, into: &plan)
    let isPlanned = MonotonicClock.nowNs()
    reply.removeAll()
    ReplyEnvelope.write(id: engine.seq, into: &reply) {
      StepReplyCodec.encode(epoch: delta.epoch, seq: delta.seq, plan: plan, into: &$0)
    }
    let isEncoded = MonotonicClock.nowNs()
    engine.accept(try Self.reply(to: delta, plan))
    return (isPlanned - isDecoded, isDecoded - start, isEncoded - isPlanned)
  }

  private static func decode(
    _ request: borrowing JSONWriter, with codec: StepCodec, into delta: inout StepDelta
  ) throws(CommandFailure) {
    try request.bytes.span.bytes.withUnsafeBytes { (frame) throws(CommandFailure) in
      let payload = UnsafeRawBufferPointer(rebasing: frame[FrameHeader.byteCount...])
      let message: Range<Int>
      do throws(EnvelopeError) { message = try RequestEnvelope.parse(payload).message } catch {
        throw CommandFailure(.failed, "bench: \(error.error.message)")
      }
      do throws(StepRejection) {
        try codec.decode(UnsafeRawBufferPointer(rebasing: payload[message]), into: &delta)
      } catch {
        throw failure(error)
      }
    }
  }

  private static func answer(_ delta: StepDelta, _ core: inout SchedulerCore) throws(CommandFailure) -> StepReply {
    do throws(StepRejection) { try core.apply(delta) } catch { throw failure(error) }
    var plan = StepPlan()
    if !delta.sync { core.plan(resources: .unknown, into: &plan) }
    return try reply(to: delta, plan)
  }

  /// The plan as an engine reads it.
  private static func reply(to delta: StepDelta, _ plan: StepPlan) throws(CommandFailure) -> StepReply {
    var writer = JSONWriter()
    StepReplyCodec.encode(epoch: delta.epoch, seq: delta.seq, plan: plan, isSync: delta.sync, into: &writer)
    var reply = StepReply()
    do throws(JSONError) {
      try writer.bytes.span.bytes.withUnsafeBytes { (bytes) throws(JSONError) in try reply.decode(bytes) }
    } catch {
      throw CommandFailure(.failed, "bench: unreadable plan: \(error.message)")
    }
    return reply
  }

  private static func failure(_ rejection: StepRejection) -> CommandFailure {
    CommandFailure(.failed, "bench: the core refused a Step at \(rejection.field): \(rejection.reason)")
  }
}
