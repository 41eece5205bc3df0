import SchedulerCore
import Synchronization
import WireProtocol

/// What sessions share: who serves which rank, epochs, the last applied Step per boot id, and the tenants' counters.
/// Never touched by a Step; everything behind one lock that is held for a few instructions.
public final class SessionRegistry: Sendable {
  private struct Boot: Hashable {
    var rank: SessionRegistration.Rank
    var bootID: String
  }

  private struct Contents {
    var active: [SessionRegistration.Rank: SessionRegistration] = [:]
    var applied = BoundedHistory<Boot, RegisterReply.Applied>()
    var backoffs = BoundedHistory<SessionRegistration.Rank, ResyncBackoff>()
    var tenants: [String: Int] = [:]
    var sessionCount = 0
    var epoch: UInt64
    var policy: ActivePolicy
  }

  /// Name under which the charges of tenants beyond the limit are summed.
  static let otherTenants = "(other)"

  private let contents: Mutex<Contents>
  private let limits: SidecarLimits
  private let health: HealthState
  /// Every plan is checked against the invariants before it leaves.
  let checksPlans: Bool
  let recordingBudget: RecordingBudget
  let metrics = MetricsBook()

  /// - Parameter firstEpoch: random in production; the epoch of the first session is one more.
  public init(
    policy: ActivePolicy, limits: SidecarLimits, health: HealthState = HealthState(), firstEpoch: UInt64,
    checksPlans: Bool
  ) {
    self.limits = limits
    self.health = health
    self.checksPlans = checksPlans
    recordingBudget = RecordingBudget(bytes: limits.recordingBytes)
    contents = Mutex(Contents(epoch: firstEpoch, policy: policy))
  }

  public var policy: ActivePolicy { contents.withLock { $0.policy } }

  /// What sessions that register from now on follow.
  func setPolicy(_ policy: ActivePolicy) { contents.withLock { $0.policy = policy } }

  /// While the sidecar drains nobody new is taken. An engine with a session may begin it anew: what it has is served to
  /// the end.
  func checkAdmission(of engine: EngineDescription) throws(CallError) {
    guard health.drain != nil else { return }
    let rank = SessionRegistration.Rank(serverID: engine.serverID, dpRank: engine.dpRank)
    let known = contents.withLock { $0.active[rank]?.engine.engineBootID }
    guard known == engine.engineBootID else { throw .draining }
  }

  /// Opens a session; one that held the same rank is replaced and applies no further Step.
  func register(_ engine: EngineDescription) -> (SessionRegistration, RegisterReply.Applied?) {
    contents.withLock { contents in
      contents.epoch += 1
      contents.sessionCount += 1
      let registration = SessionRegistration(
        session: "s-\(contents.sessionCount)", epoch: contents.epoch, engine: engine, mark: SessionMark())
      if let loser = contents.active.updateValue(registration, forKey: registration.rank) {
        Self.remember(loser, loser.mark.replace(), &contents, limits.bootIDs)
      }
      let boot = Boot(rank: registration.rank, bootID: engine.engineBootID)
      return (registration, contents.applied[boot])
    }
  }

  func leave(_ registration: SessionRegistration) {
    contents.withLock { contents in
      guard contents.active[registration.rank]?.session == registration.session else { return }
      contents.active[registration.rank] = nil
      Self.remember(registration, registration.mark.applied, &contents, limits.bootIDs)
    }
  }

  private static func remember(
    _ registration: SessionRegistration, _ applied: (epoch: UInt64, seq: UInt64)?, _ contents: inout Contents,
    _ limit: Int
  ) {
    guard let applied else { return }
    contents.applied.set(
      RegisterReply.Applied(epoch: applied.epoch, seq: applied.seq),
      for: Boot(rank: registration.rank, bootID: registration.engine.engineBootID), limit: limit)
  }

  /// RESYNC of this rank so far: an engine that connects anew after each one is slowed down all the same.
  func backoff(of rank: SessionRegistration.Rank) -> ResyncBackoff {
    contents.withLock { $0.backoffs[rank] ?? ResyncBackoff() }
  }

  func remember(_ backoff: ResyncBackoff, of rank: SessionRegistration.Rank) {
    contents.withLock { $0.backoffs.set(backoff, for: rank, limit: limits.bootIDs) }
  }

  func charge(_ charges: [(tenant: String, tokens: Int)]) {
    guard !charges.isEmpty else { return }
    contents.withLock { contents in
      for (tenant, tokens) in charges {
        let isKnown = contents.tenants[tenant] != nil || contents.tenants.count < limits.tenants
        contents.tenants[isKnown ? tenant : Self.otherTenants, default: 0] &+= tokens
      }
    }
  }

  /// Tenants with a counter.
  var tenantCount: Int { contents.withLock { $0.tenants.count } }

  /// Tokens charged per tenant since this sidecar started, by name.
  func tenantCharges() -> [(tenant: String, tokens: Int)] {
    contents.withLock { $0.tenants }.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
  }
}
