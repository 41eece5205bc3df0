import SchedulerCore
import WireClient
import WireProtocol

/// Steps over the socket as an engine sends them, each followed by an echo of as many bytes: the difference is what
/// planning costs. Taking turns makes every disturbance of the machine hit both alike.
struct RoundTripBench {
  private static let warmUpSteps = 300
  private static let timeoutUs = 5_000_000

  struct Figures {
    var step: Quantiles
    var echo: Quantiles
    var requestBytes: Int
    var replyBytes: Int
  }

  private let client: WireClient
  private var engine: BenchEngine
  private var delta = StepDelta()
  private var frame = JSONWriter()
  private var reply = StepReply()
  private(set) var requestBytes = 0
  private(set) var replyBytes = 0

  /// Registers at the sidecar and makes the queue known to it.
  init(engineSocket: String, turnover: Int) throws(CommandFailure) {
    engine = BenchEngine(waiting: BenchCommand.waiting, turnover: turnover)
    do throws(WireClientError) { client = try WireClient(path: engineSocket) } catch { throw CommandFailure(error) }
    let registered = try client.answer(
      to: .register, RegisterMessage.encode(BenchEngine.description), timeoutUs: Self.timeoutUs)
    guard let epoch = registered["epoch"]?.unsignedValue else {
      throw CommandFailure(.failed, "bench: Register was answered without an epoch")
    }
    var engine = engine
    let client = client
    try engine.establish(epoch: epoch) { (delta) throws(CommandFailure) in
      var frame = JSONWriter()
      var reply = StepReply()
      Self.write(delta, into: &frame)
      try Self.read(try Self.exchange(frame, client), into: &reply)
      return reply
    }
    self.engine = engine
    for _ in 0..<Self.warmUpSteps { _ = try step() }
  }

  /// - Parameter rounds: the lowest figures of so many rounds count.
  mutating func measure(echoSocket: String, rounds: Int, steps: Int) throws(CommandFailure) -> Figures {
    let echo: WireClient
    do throws(WireClientError) { echo = try WireClient(path: echoSocket) } catch { throw CommandFailure(error) }
    for _ in 0..<Self.warmUpSteps { _ = try Self.timed(frame, echo) }
    var best: (step: Quantiles, echo: Quantiles)?
    for _ in 0..<rounds {
      var stepTimes = Distribution(capacity: steps)
      var echoTimes = Distribution(capacity: steps)
      for _ in 0..<steps {
        stepTimes.add(try step())
        echoTimes.add(try Self.timed(frame, echo).ns)
      }
      let round = (step: stepTimes.quantiles(), echo: echoTimes.quantiles())
      best = (round.step.least(best?.step ?? round.step), round.echo.least(best?.echo ?? round.echo))
    }
    guard let best else { throw CommandFailure(.usage, "--rounds: expected at least 1") }
    return Figures(step: best.step, echo: best.echo, requestBytes: requestBytes, replyBytes: replyBytes)
  }

  /// Steps and echoes in turn for so many nanoseconds. Every Step has to be answered with a plan.
  mutating func window(
    ns: Int, echoSocket: String
  ) throws(CommandFailure) -> (steps: Int, longestStepNs: Int, longestEchoNs: Int) {
    let echo: WireClient
    do throws(WireClientError) { echo = try WireClient(path: echoSocket) } catch { throw CommandFailure(error) }
    let end = MonotonicClock.nowNs() + ns
    var window = (steps: 0, longestStepNs: 0, longestEchoNs: 0)
    while MonotonicClock.nowNs() < end {
      window.longestStepNs = max(window.longestStepNs, try step())
      guard reply.hasPlan else { throw CommandFailure(.failed, "bench: a Step without a plan") }
      window.longestEchoNs = max(window.longestEchoNs, try Self.timed(frame, echo).ns)
      window.steps += 1
    }
    return window
  }

  /// One Step; nanoseconds from the first byte sent to the last one received.
  private mutating func step() throws(CommandFailure) -> Int {
    engine.step(into: &delta)
    Self.write(delta, into: &frame)
    let (payload, ns) = try Self.timed(frame, client)
    requestBytes = frame.bytes.count
    replyBytes = payload.count + FrameHeader.byteCount
    try Self.read(payload, into: &reply)
    guard reply.seq == delta.seq else { throw CommandFailure(.failed, "bench: reply to another Step") }
    engine.accept(reply)
    return ns
  }

  private static func write(_ delta: StepDelta, into frame: inout JSONWriter) {
    frame.removeAll()
    RequestWriter.write(id: delta.seq, method: WireMethod.step.rawValue, timeoutUs: timeoutUs, into: &frame) {
      StepCodec.encode(delta, into: &$0)
    }
  }

  private static func timed(
    _ frame: borrowing JSONWriter, _ client: WireClient
  ) throws(CommandFailure) -> (payload: UnsafeRawBufferPointer, ns: Int) {
    let start = MonotonicClock.nowNs()
    let payload = try exchange(frame, client)
    return (payload, MonotonicClock.nowNs() - start)
  }

  private static func exchange(
    _ frame: borrowing JSONWriter, _ client: WireClient
  ) throws(CommandFailure) -> UnsafeRawBufferPointer {
    do throws(WireClientError) {
      try client.send(frames: frame, timeoutUs: timeoutUs)
      return try client.receive(timeoutUs: timeoutUs)
    } catch {
      throw CommandFailure(error)
    }
  }

  private static func read(_ payload: UnsafeRawBufferPointer, into reply: inout StepReply) throws(CommandFailure) {
    do throws(JSONError) {
      let envelope = try Reply.parse(payload)
      if let error = envelope.error { throw JSONError(offset: 0, message: "\(error.code.rawValue): \(error.message)") }
      try Array(envelope.message.text.utf8).span.bytes.withUnsafeBytes { (bytes) throws(JSONError) in
        try reply.decode(bytes)
      }
    } catch {
      throw CommandFailure(.failed, "bench: \(error.message)")
    }
  }
}
