import Testing

@testable import SchedulerCore

/// An engine may report any figure that the wire lets through: sums of them wrap around and never stop the process.
struct AbsurdFiguresTests {
  @Test func elapsedTimeOfSettledPlans() {
    var telemetry = Telemetry()
    for _ in 0..<3 { telemetry.recordSettled(elapsedUs: 1 << 62) }
    #expect(telemetry.settledPlans == 3)
  }

  @Test func tokensOfPlans() {
    var telemetry = Telemetry()
    for _ in 0..<3 {
      telemetry.recordException(.other, executedTokens: 1 << 62)
      telemetry.recordLaunch(plannedTokens: 1 << 62, executedTokens: 1 << 62)
    }
    #expect(telemetry.plansLaunched == 3)
  }

  @Test func tokensOfTenants() {
    var charges = TenantCharges()
    charges.grow(to: 1)
    for _ in 0..<5 {
      charges.stage(tenant: 0, tokens: 1 << 62)
      charges.commit()
    }
    var tenants: [Int] = []
    charges.take { tenant, _ in tenants.append(tenant) }
    #expect(tenants == [0])
  }
}
