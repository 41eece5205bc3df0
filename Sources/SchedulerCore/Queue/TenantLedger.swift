/// Service per tenant, as VTC counts it (Sheng et al., OSDI 2024): `promptPrice` per prompt token when a request is
/// admitted, its expected prefix hit taken off, and `outputPrice` per output token, all over the tenant's weight.
///
/// A request pays once: what a preemption makes the engine compute again is not its tenant's fault. A balance is what
/// was served less what was granted: VTC's virtual counter when lifts are the only grants, DLPM's deficit with its sign
/// turned. Sums stop at the ends of Int64: absurd figures from an engine must not stop the process.
struct TenantLedger: Codable, Sendable {
  /// w_p of the paper.
  static let promptPrice = 1
  /// w_q of the paper.
  static let outputPrice = 2
  /// Balances are in thousandths of a weighted token.
  static let scale: Int64 = 1_000

  private struct Account: Codable, Sendable {
    var balance: Int64 = 0
    /// Charges of the plan in the making; real once the engine launched it.
    var planned: Int64 = 0
    var weight: Int64 = 1
  }

  /// What one request has paid for.
  private struct Bill: Codable, Sendable {
    var serial: RequestSerial = 0
    var isPromptPaid = false
    var outputTokens = 0
  }

  /// Tenant's name index -> account.
  private var accounts: ContiguousArray<Account> = []
  /// Slot -> bill.
  private var bills: ContiguousArray<Bill> = []
  /// Tenants with planned charges; may repeat.
  private var planned: ContiguousArray<Int32> = []

  /// Balance with the charges of the plan in the making, in thousandths of a weighted token.
  func balance(of tenant: Int32) -> Int64 {
    let account = accounts[Int(tenant)]
    return Self.sum(account.balance, account.planned)
  }

  /// Name indices that have accounts.
  var tenants: Range<Int32> { 0..<Int32(accounts.count) }

  /// Makes room for a tenant and notes its weight.
  mutating func open(_ tenant: Int32, weight: Int) {
    let missing = Int(tenant) + 1 - accounts.count
    if missing > 0 { accounts.append(contentsOf: repeatElement(Account(), count: missing)) }
    accounts[Int(tenant)].weight = Int64(max(1, weight))
  }

  /// Raises a balance to `floor` if it is below it.
  mutating func lift(_ tenant: Int32, to floor: Int64) {
    accounts[Int(tenant)].balance = max(accounts[Int(tenant)].balance, floor)
  }

  /// Takes `amount` thousandths off a balance.
  mutating func grant(_ tenant: Int32, _ amount: Int64) {
    accounts[Int(tenant)].balance = Self.sum(accounts[Int(tenant)].balance, -amount)
  }

  func weight(of tenant: Int32) -> Int64 { accounts[Int(tenant)].weight }

  /// Charges what happened to a request since it was looked at last. Returns the charge before the weight, in
  /// thousandths of a weighted token. The tenant's account is open.
  mutating func settle(slot: Int, request: Request) -> Int64 {
    openBill(slot, request)
    var amount: Int64 = 0
    if !bills[slot].isPromptPaid, request.isRunning || request.computedTokens > 0 || request.outputTokens > 0 {
      bills[slot].isPromptPaid = true
      amount = Self.promptCharge(request)
    }
    // Negative when drafts were rejected.
    amount += Int64(clamping: request.outputTokens - bills[slot].outputTokens) * Int64(Self.outputPrice)
    bills[slot].outputTokens = request.outputTokens
    guard amount != 0 else { return 0 }
    let tenant = Int(request.tenant)
    accounts[tenant].balance = Self.sum(
      accounts[tenant].balance, Self.scaled(amount, weight: accounts[tenant].weight))
    return Self.scaled(amount, weight: 1)
  }

  /// Takes a request over as it is, without charging what it got before anybody counted.
  mutating func adopt(slot: Int, request: Request) {
    openBill(slot, request)
    if request.isRunning || request.computedTokens > 0 { bills[slot].isPromptPaid = true }
    bills[slot].outputTokens = request.outputTokens
  }

  /// Charges an admission that is planned.
  mutating func plan(slot: Int, request: Request) {
    guard slot >= bills.count || bills[slot].serial != request.serial || !bills[slot].isPromptPaid else { return }
    let tenant = Int(request.tenant)
    accounts[tenant].planned = Self.sum(
      accounts[tenant].planned, Self.scaled(Self.promptCharge(request), weight: accounts[tenant].weight))
    planned.append(request.tenant)
  }

  /// Takes the planned charges of one tenant back, and says of which; nil when there are none left. One at a time:
  /// whoever orders tenants by balance has to follow each change.
  mutating func forgetPlanned() -> Int32? {
    guard let tenant = planned.popLast() else { return nil }
    accounts[Int(tenant)].planned = 0
    return tenant
  }

  private mutating func openBill(_ slot: Int, _ request: Request) {
    if slot >= bills.count { bills.append(contentsOf: repeatElement(Bill(), count: slot + 1 - bills.count)) }
    if bills[slot].serial != request.serial { bills[slot] = Bill(serial: request.serial) }
  }

  /// A prompt computes at least one token: the last makes the first output token.
  private static func promptCharge(_ request: Request) -> Int64 {
    Int64(max(1, request.promptTokens - request.cachedTokens)) * Int64(promptPrice)
  }

  private static func scaled(_ amount: Int64, weight: Int64) -> Int64 {
    let (product, overflow) = amount.multipliedReportingOverflow(by: scale)
    return overflow ? (amount < 0 ? .min : .max) : product / weight
  }

  private static func sum(_ a: Int64, _ b: Int64) -> Int64 {
    let (sum, overflow) = a.addingReportingOverflow(b)
    return overflow ? (b < 0 ? .min : .max) : sum
  }
}
