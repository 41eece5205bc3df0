import Policy
import SchedulerCore
import Testing
import WireProtocol

/// The closed sets of words that our code knows are those of the schemas, in the same order.
@Suite struct WordDriftTests {
  private func expect<Word: CaseIterable & RawRepresentable<String>>(
    _ schema: String, _ path: String, are type: Word.Type, location: SourceLocation = #_sourceLocation
  ) throws {
    let known = Word.allCases.map(\.rawValue)
    #expect(try SchemaFile(schema).words(path) == known, "\(schema) at \(path)", sourceLocation: location)
  }

  @Test func wordsOfAStep() throws {
    try expect("step-v1", "properties/launched/properties/mode", are: StepDelta.Launched.Mode.self)
    let causes = "properties/why/items"
    try expect(
      "step-v1", "properties/launched/properties/x/\(causes)", are: StepDelta.ExceptionCause.self)
    try expect("step-v1", "properties/removed/\(causes)", are: StepDelta.RemovalCause.self)
    try expect("step-v1", "properties/blocked/\(causes)", are: StepDelta.BlockCause.self)
    let counted = "properties/sessions/items/properties/exceptions/propertyNames"
    try expect("status-v1", counted, are: StepDelta.ExceptionCause.self)
  }

  @Test func wordsOfRegister() throws {
    let verbs = try SchemaFile("register-v1").words("properties/capabilities/items")
    #expect(verbs == Capabilities.named.map(\.name))
    try expect("register-v1", "properties/in_flight_repeat", are: EngineDescription.InFlightRepeat.self)
    try expect("register-v1", "properties/kinds/items", are: EngineDescription.Kind.self)
    let per = "properties/drafter/properties/per"
    try expect("register-v1", per, are: EngineDescription.Drafter.Granularity.self)
  }

  @Test func wordsOfAPolicy() throws {
    try expect("policy-v1", "properties/queue/properties/ordering", are: PolicyConfig.Ordering.self)
    try expect("policy-v1", "properties/batch/properties/strategy", are: PolicyConfig.BatchStrategy.self)
    try expect("policy-v1", "properties/batch/properties/budget_from", are: BatchRules.Budget.self)
    let anchor = "properties/batch/properties/deadline_anchor"
    try expect("policy-v1", anchor, are: PolicyConfig.DeadlineAnchor.self)
    try expect("policy-v1", "properties/preemption/properties/victim_order", are: PolicyConfig.VictimOrder.self)
    try expect("policy-v1", "properties/preemption/properties/means", are: PreemptionRules.Means.self)
    try expect("policy-v1", "properties/memory/properties/eviction", are: EvictionRule.self)
    try expect("policy-v1", "properties/admission/properties/infeasible", are: AdmissionRules.Infeasible.self)
    try expect("policy-v1", "properties/admission/properties/reserve_peak", are: AdmissionRules.PeakReserve.self)
    try expect("policy-v1", "properties/speculation/properties/mode", are: SpeculationConfig.Mode.self)
    #expect(try SchemaFile("policy-v1").words("properties/preset") == PolicyDocument.presetNames)
  }

  @Test func wordsOfADrain() throws { try expect("drain-v1", "properties/action", are: DrainAction.self) }

  @Test func statusCodes() throws { try expect("error-v1", "properties/code", are: StatusCode.self) }

  @Test func reasonCodes() throws {
    #expect(try SchemaFile("step-reply-v1").words("$defs/reason") == Self.reasons.map(\.code))
    #expect(
      try SchemaFile("step-reply-v1").words("$defs/placement_reason") == Self.placementReasons.map(\.code))
  }

  /// Every reason of an error in the sources is in the schema, and the other way round.
  @Test func errorReasons() throws {
    let pattern = /"reason": "([A-Z_]+)"/
    var used: Set<String> = []
    for path in try Repository.files(in: "Sources", suffix: ".swift") {
      for match in try Repository.text(path).matches(of: pattern) { used.insert(String(match.1)) }
    }
    let known = try SchemaFile("error-v1").words("properties/details/properties/reason")
    #expect(used.sorted() == known.sorted())
  }

  /// One of each. A new case does not compile until `isListed` names it; then it belongs here and into the schema.
  static let reasons: [Reason] = [
    .chunkBudget(tokens: 1), .chunkLongPrefill(tokens: 1), .admitted(tokens: 1), .preemptedKV(blocks: 1),
    .recomputeCost(us: 1), .copyCost(us: 1), .truncateCost(us: 1), .truncatedKV(tokens: 1),
    .pausedKV(missingBlocks: 1), .pausedBudget(tokens: 1), .pausedSlice(iterations: 1),
    .chunkTaken(chunks: 1), .pausedInFlight(plans: 1), .pausedFinished(maxOutput: 1),
    .adapterLimit(adapters: 1), .waitingBudget(tokens: 1), .waitingSequences(sequences: 1),
    .waitingKV(missingBlocks: 1), .waitingMemory(headroomBytes: 1), .waitingPreemption(victims: 1),
    .speculating(drafts: 1), .draftsUnlikely(acceptancePercent: 1), .draftsKV(freeBlocks: 1), .draftsLost(us: 1),
    .shedQueueDepth(waiting: 1), .shedInfeasible(lateUs: 1), .deferred(waitMs: 1),
    .upgraded(requests: 1), .returnedPlace(waiting: 1), .returnedKV(blocks: 1), .waitingShare(requests: 1),
    .upgradeQuota(requests: 1), .upgradeRate(requests: 1), .cacheEvicted(units: 1), .cachePinned(tokens: 1),
    .cachePrefetched(tokens: 1), .stalled(steps: 1),
  ]
  static let placementReasons: [PlacementReason] = [.singleNode(nodes: 1), .mostMemory(bytes: 1), .topologyUnknown]

  private static func isListed(_ reason: Reason) -> Bool {
    switch reason {
    case .chunkBudget, .chunkLongPrefill, .admitted, .preemptedKV,
      .recomputeCost, .copyCost, .truncateCost, .truncatedKV, .pausedKV, .pausedBudget, .pausedSlice, .chunkTaken,
      .pausedInFlight,
      .pausedFinished, .adapterLimit, .waitingBudget, .waitingSequences, .waitingKV, .waitingMemory, .waitingPreemption,
      .speculating, .draftsUnlikely, .draftsKV, .draftsLost, .shedQueueDepth, .deferred,
      .shedInfeasible, .upgraded, .returnedPlace, .returnedKV, .waitingShare, .upgradeQuota, .upgradeRate,
      .cacheEvicted, .cachePinned, .cachePrefetched, .stalled:
      true
    }
  }

  private static func isListed(_ reason: PlacementReason) -> Bool {
    switch reason {
    case .singleNode, .mostMemory, .topologyUnknown: true
    }
  }

  @Test func theListsOfReasonsHaveNoRepetition() {
    #expect(Set(Self.reasons.map(\.code)).count == Self.reasons.count)
    #expect(Self.reasons.allSatisfy(Self.isListed) && Self.placementReasons.allSatisfy(Self.isListed))
  }
}
