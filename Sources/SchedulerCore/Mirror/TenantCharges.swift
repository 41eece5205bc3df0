/// Tokens charged per tenant (Docs/wire.md, session rule 13): staged while a Step is applied, real once it was good.
/// Sums wrap around: absurd figures from an engine must not stop the process.
struct TenantCharges: Codable, Sendable {
  private var staged: ContiguousArray<Int> = []
  /// Name indices with a staged amount; may repeat.
  private var touched: ContiguousArray<Int32> = []
  /// Committed since the last `take`.
  private var committed: ContiguousArray<Int> = []
  private(set) var totalTokens = 0

  mutating func grow(to count: Int) {
    let missing = count - staged.count
    guard missing > 0 else { return }
    staged.append(contentsOf: repeatElement(0, count: missing))
    committed.append(contentsOf: repeatElement(0, count: missing))
  }

  /// For all items of a plan that ran as it was made.
  mutating func stage(_ items: ContiguousArray<PlannedStep.Item>, _ requests: ContiguousArray<Request>) {
    // Out of `self` for the while, so that the loop may write to both.
    var amounts: ContiguousArray<Int> = []
    swap(&amounts, &staged)
    for item in items {
      let tenant = requests.span[Int(item.slot)].tenant
      if amounts[Int(tenant)] == 0 { touched.append(tenant) }
      amounts[Int(tenant)] &+= Int(item.n)
    }
    swap(&amounts, &staged)
  }

  mutating func stage(tenant: Int, tokens: Int) {
    if staged[tenant] == 0 { touched.append(Int32(tenant)) }
    staged[tenant] &+= tokens
  }

  mutating func commit() {
    for tenant in touched {
      let tokens = staged[Int(tenant)]
      staged[Int(tenant)] = 0
      committed[Int(tenant)] &+= tokens
      totalTokens &+= tokens
    }
    touched.removeAll(keepingCapacity: true)
  }

  mutating func take(_ body: (_ tenant: Int, _ tokens: Int) -> Void) {
    for tenant in committed.indices where committed[tenant] != 0 {
      body(tenant, committed[tenant])
      committed[tenant] = 0
    }
  }
}
