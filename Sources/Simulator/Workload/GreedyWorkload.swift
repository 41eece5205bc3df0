/// A workload in which one tenant sends so many times as much: each of its requests comes again, within a second after
/// the first, as a request of its own. A workload without that tenant is an error once it is over: what was measured
/// had no greedy tenant.
struct GreedyWorkload: Workload {
  /// Copies come within this time after the original.
  static let spreadUs: Int64 = 1_000_000

  let totalRequests: Int? = nil
  private var inner: any Workload
  private let tenant: String
  private let copies: Int
  private var random: SeededRandom
  private var ahead: WorkloadRequest?
  private var isStarted = false
  private var isTenantKnown = false
  /// Some tenants that were seen, for the error that names them.
  private var seen: [String] = []
  private static let seenMax = 3
  /// Copies that are still to come, the latest first.
  private var pending: [WorkloadRequest] = []

  /// - Parameter times: how many times as much it sends.
  init(_ inner: any Workload, tenant: String, times: Int, seed: UInt64) {
    self.inner = inner
    self.tenant = tenant
    copies = times - 1
    random = SeededRandom(seed: seed ^ 0x6EED_1E57_0000_0001)
  }

  mutating func next() throws(WorkloadError) -> WorkloadRequest? {
    if !isStarted {
      isStarted = true
      ahead = try inner.next()
    }
    if let copy = pending.last, copy.arrivalUs < ahead?.arrivalUs ?? .max { return pending.popLast() }
    guard let request = ahead else {
      guard isTenantKnown else { throw .unknownTenant(name: tenant, seen: seen) }
      return nil
    }
    ahead = try inner.next()
    if request.tenant == tenant { multiply(request) } else { note(request.tenant) }
    return request
  }

  private mutating func note(_ other: String) {
    if seen.count < Self.seenMax, !seen.contains(other) { seen.append(other) }
  }

  private mutating func multiply(_ request: WorkloadRequest) {
    isTenantKnown = true
    for copy in 0..<copies {
      var again = request
      again.id += "+\(copy + 1)"
      again.arrivalUs += Int64(random.unit() * Double(Self.spreadUs))
      let place = pending.firstIndex { $0.arrivalUs <= again.arrivalUs } ?? pending.count
      pending.insert(again, at: place)
    }
  }
}
