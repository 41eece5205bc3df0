/// What one walk over the running requests found: the candidates of one iteration, in lists that keep their storage
/// from step to step.
struct GoodputFrame: Codable, Sendable {
  /// A decode that may run, with what decisions about it need, so that no loop has to look it up again.
  struct Decode: Codable, Sendable {
    var slot: Int32
    var handle: RequestHandle
    var adapter: Int32
    var contextTokens: Int
    /// When the next token is due counted from the first, and counted from the last.
    var dueUs: Int64
    var gapDueUs: Int64
    var tpotUs: Double
    /// GPU time of one token.
    var costUs: Double
    var weight: Double
    /// Tokens still to come.
    var restTokens: Double

    /// A request that is late for good gets a token each time that so many times its TPOT has passed, ahead of whom
    /// nothing hurries: nobody's stream stands still for prompts that can wait.
    static let stretch = 4.0

    /// The same, due so late.
    func stretched(lastUs: Int64) -> Decode {
      var decode = self
      decode.dueUs = lastUs + Int64(Self.stretch * tpotUs)
      return decode
    }
  }

  struct Prefill: Codable, Sendable {
    var slot: Int32
    var key: Int64
    /// GPU time of what is left.
    var restUs: Double
    /// When the first token is due.
    var dueUs: Int64
    var weight: Double
  }

  /// When the iteration starts.
  var startUs: Int64 = 0
  /// Longest time that the iteration may take.
  var tauUs: Int64 = 0
  /// Decodes may be late against their last token as long as they are not against their first.
  var spendsBank = false
  var decodes: ContiguousArray<Decode> = []
  private var isSorted = false
  /// Value per KV of the worthiest live request that has to wait for KV; 0 when none has to.
  var refusedKVDensity = 0.0
  /// Somebody has to wait for KV.
  var isRefused = false
  var hopelessDecodes: ContiguousArray<Decode> = []
  /// Live prefills that run already, by key.
  var prefills: ContiguousArray<Prefill> = []
  /// Hopeless prefills that run already, by key.
  var latePrefills: ContiguousArray<Prefill> = []
  /// The most urgent prefills, running or not, by deadline: those that count on the next iterations.
  var urgent: ContiguousArray<Prefill> = []
  /// Those of `urgent` that can make it, in the order in which they are served.
  var kept: ContiguousArray<Int32> = []
  /// Tokens that live running requests hold and are expected to need.
  var committedTokens = 0.0
  /// Time that the drafter will take, in microseconds.
  var draftUs = 0
  /// Time that adapters take to load, in microseconds.
  var loadUs = 0
  /// Waiting requests passed over for their adapters.
  var adapterSkips = 0
  /// What the plan computes so far.
  var features = IterationFeatures()

  mutating func open(startUs: Int64) {
    self.startUs = startUs
    tauUs = 0
    spendsBank = false
    isSorted = false
    refusedKVDensity = 0
    isRefused = false
    decodes.removeAll(keepingCapacity: true)
    hopelessDecodes.removeAll(keepingCapacity: true)
    prefills.removeAll(keepingCapacity: true)
    latePrefills.removeAll(keepingCapacity: true)
    urgent.removeAll(keepingCapacity: true)
    kept.removeAll(keepingCapacity: true)
    committedTokens = 0
    draftUs = 0
    loadUs = 0
    adapterSkips = 0
    features = IterationFeatures()
  }

  /// Takes out whoever `isServed` says no to, and hands the running ones of them to `leaveOut`.
  mutating func keep(_ isServed: (Int32) -> Bool, leaveOut: (Int32) -> Void) {
    for decode in decodes where !isServed(decode.slot) { leaveOut(decode.slot) }
    for decode in hopelessDecodes where !isServed(decode.slot) { leaveOut(decode.slot) }
    for prefill in prefills where !isServed(prefill.slot) { leaveOut(prefill.slot) }
    for prefill in latePrefills where !isServed(prefill.slot) { leaveOut(prefill.slot) }
    decodes.removeAll { !isServed($0.slot) }
    hopelessDecodes.removeAll { !isServed($0.slot) }
    prefills.removeAll { !isServed($0.slot) }
    latePrefills.removeAll { !isServed($0.slot) }
    urgent.removeAll { !isServed($0.slot) }
  }

  /// By when their tokens are due; once per iteration.
  mutating func sortDecodes() {
    guard !isSorted else { return }
    decodes.sort { ($0.dueUs, $0.slot) < ($1.dueUs, $1.slot) }
    isSorted = true
  }

  /// Adds the decodes that are too late anyway to those that are left.
  mutating func addHopeless() {
    guard !hopelessDecodes.isEmpty else { return }
    decodes.append(contentsOf: hopelessDecodes)
    isSorted = false
  }

  /// What the model's part of the iteration may take by prediction if `margin` of the time is left unused, the time of
  /// the drafter and of loads taken off.
  func limitUs(margin: Double) -> Int { Int(Double(tauUs) * (1 - margin)) - draftUs - loadUs }

  /// The gap rule: the iteration ends before the tightest live request's next token is due, but nobody who is behind
  /// makes it shorter than `GoodputPlanner.floor` of its TPOT. Where nobody waits for a token it is long enough for
  /// an engine whose iterations cost `fixedUs` whatever they compute.
  mutating func setGap(fixedUs: Double) { tauUs = gapUs(fixedUs: fixedUs) }

  private func gapUs(fixedUs: Double) -> Int64 {
    var tauUs = max(IterationChoice.mostUs, Int64(IterationChoice.fixedTimes * fixedUs))
    let decodes = decodes.span
    for index in decodes.indices {
      let tpotUs = decodes[index].tpotUs
      let leastUs = Int64(tpotUs * GoodputPlanner.floor)
      let leftUs = min(decodes[index].dueUs - startUs, Int64(tpotUs), decodes[index].gapDueUs - startUs)
      tauUs = min(tauUs, max(leastUs, leftUs))
    }
    return tauUs
  }
}
