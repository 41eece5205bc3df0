/// How far each tenant with waiting requests is ahead of the one that was served least, by VTC's counters (Sheng et
/// al., OSDI 2024), in levels of one slack each. Within a level requests are served as if there were no tenants; a
/// higher level waits for the lower ones.
///
/// The slack is what one tenant's share of the machine is in `slackUs`: enough for the planner to choose, and little
/// against any window in which somebody compares. A tenant that comes back is up to one slack behind the others and no
/// more: it is served at once, and cannot save up for idle time.
struct TenantTurns: Codable, Sendable {
  static let slackUs = 1_000_000.0
  /// The slack is at most this share of VTC's own bound.
  static let slackShareOfBound = 1.0 / 16
  /// Time over which the rate of service is averaged.
  static let rateUs = 5_000_000.0
  /// A longer pause between two looks says nothing about the rate of service.
  static let pauseUs = 200_000.0
  /// Figures beyond this are absurd; they must not stop the process.
  private static let figureMost = 1e15

  private(set) var ledger: TenantLedger
  /// Slack that the policy states, in thousandths of a weighted token; nil: from the rate of service.
  private let statedSlack: Int64?
  private let slackMost: Double
  /// Tenant -> waiting requests.
  private var waiting: ContiguousArray<Int32> = []
  private var levelOfTenant: ContiguousArray<UInt8> = []
  /// Tenants with waiting requests, in no particular order that decisions look at.
  private var backlogged: ContiguousArray<Int32> = []
  /// Tenant -> position in `backlogged`, -1 when not in it.
  private var places: ContiguousArray<Int32> = []
  /// Tenant whose last request left the line last, -1 before the first.
  private var lastLeft: Int32 = -1
  /// Thousandths of a weighted token per microsecond, over all tenants.
  private var rate = 0.0
  private var charged: Int64 = 0
  private var lookedAtUs: Int64 = .min
  private(set) var slack: Int64
  private(set) var hasAhead = false

  /// - Parameters:
  ///   - slackTokens: what the policy states.
  ///   - batchTokens: tokens of a full batch, M of VTC's bound.
  init(slackTokens: Int?, batchTokens: Double, ledger: TenantLedger) {
    self.ledger = ledger
    statedSlack = slackTokens.map { Int64($0) * TenantLedger.scale }
    slackMost = min(
      Self.figureMost,
      max(1, batchTokens) * Double(TenantLedger.outputPrice) * Double(TenantLedger.scale) * Self.slackShareOfBound)
    slack = statedSlack ?? 0
  }

  func level(of tenant: Int32) -> Int { Int(levelOfTenant[Int(tenant)]) }

  // MARK: - Who waits

  /// A request of the tenant joins the line.
  mutating func join(_ tenant: Int32, weight: Int) {
    open(tenant, weight: weight)
    waiting[Int(tenant)] += 1
    guard waiting[Int(tenant)] == 1 else { return }
    lift(tenant)
    places[Int(tenant)] = Int32(backlogged.count)
    backlogged.append(tenant)
  }

  mutating func leave(_ tenant: Int32) {
    waiting[Int(tenant)] -= 1
    guard waiting[Int(tenant)] == 0 else { return }
    lastLeft = tenant
    let place = Int(places[Int(tenant)])
    places[Int(tenant)] = -1
    let last = backlogged.removeLast()
    guard place < backlogged.count else { return }
    backlogged[place] = last
    places[Int(last)] = Int32(place)
  }

  private mutating func open(_ tenant: Int32, weight: Int) {
    ledger.open(tenant, weight: weight)
    let missing = Int(tenant) + 1 - waiting.count
    guard missing > 0 else { return }
    waiting.append(contentsOf: repeatElement(0, count: missing))
    levelOfTenant.append(contentsOf: repeatElement(0, count: missing))
    places.append(contentsOf: repeatElement(-1, count: missing))
  }

  private mutating func lift(_ tenant: Int32) {
    guard let least = least() ?? (lastLeft >= 0 ? ledger.balance(of: lastLeft) : nil) else { return }
    ledger.lift(tenant, to: least.subtractingReportingOverflow(slack).partialValue)
  }

  private func least() -> Int64? {
    var least: Int64?
    for tenant in backlogged { least = min(least ?? .max, ledger.balance(of: tenant)) }
    return least
  }

  // MARK: - Charges

  mutating func settle(slot: Int, request: Request, weight: Int) {
    open(request.tenant, weight: weight)
    charged = charged.addingReportingOverflow(ledger.settle(slot: slot, request: request)).partialValue
  }

  mutating func adopt(slot: Int, request: Request) { ledger.adopt(slot: slot, request: request) }

  // MARK: - Levels

  /// Looks at the balances anew; hands over each tenant whose level is another than before. O(tenants that wait).
  mutating func refresh(nowUs: Int64, _ moved: (_ tenant: Int32, _ level: Int) -> Void) {
    measureRate(nowUs)
    hasAhead = false
    guard let least = least() else { return }
    var weights: Int64 = 0
    for tenant in backlogged { weights += ledger.weight(of: tenant) }
    slack = statedSlack ?? Int64(min(slackMost, rate * Self.slackUs / Double(max(1, weights))))
    for tenant in backlogged {
      let lag = ledger.balance(of: tenant).subtractingReportingOverflow(least).partialValue
      let level = Int(min(Int64(TenantLines.levels - 1), max(0, lag) / max(1, slack)))
      if level > 0 { hasAhead = true }
      guard level != Int(levelOfTenant[Int(tenant)]) else { continue }
      levelOfTenant[Int(tenant)] = UInt8(level)
      moved(tenant, level)
    }
  }

  private mutating func measureRate(_ nowUs: Int64) {
    defer {
      lookedAtUs = nowUs
      charged = 0
    }
    guard lookedAtUs != .min, nowUs > lookedAtUs else { return }
    let spanUs = Double(nowUs - lookedAtUs)
    guard spanUs <= Self.pauseUs else { return }
    rate += (Double(charged) / spanUs - rate) * spanUs / (Self.rateUs + spanUs)
  }
}
