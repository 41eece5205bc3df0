import Glibc

/// A workload whose requests are given a model and an adapter, drawn from the seed.
struct AttributedWorkload: Workload {
  private var inner: any Workload
  private var random: SeededRandom
  private let modelShares: [Double]
  private let adapters: Int

  /// - Parameters:
  ///   - modelShares: weights of the models.
  ///   - adapters: how many there are; the popularity of number n falls as 1 / (n + 1). 0 for none.
  init(_ inner: any Workload, modelShares: [Double], adapters: Int, seed: UInt64) {
    self.inner = inner
    self.modelShares = modelShares
    self.adapters = adapters
    random = SeededRandom(seed: seed ^ 0xADA7_7E25_0000_0001)
  }

  var totalRequests: Int? { inner.totalRequests }

  mutating func next() throws(WorkloadError) -> WorkloadRequest? {
    guard var request = try inner.next() else { return nil }
    if modelShares.count > 1 { request.model = drawModel() }
    if adapters > 0 { request.adapter = drawAdapter() }
    return request
  }

  private mutating func drawModel() -> Int {
    var rest = random.unit() * modelShares.reduce(0, +)
    for (index, share) in modelShares.enumerated() {
      rest -= share
      if rest < 0 { return index }
    }
    return modelShares.count - 1
  }

  /// The continuous form of the harmonic distribution: exp(u ln(n + 1)) falls into [k, k + 1) with weight ~1 / k.
  private mutating func drawAdapter() -> Int {
    min(adapters - 1, Int(exp(random.unit() * log(Double(adapters + 1)))) - 1)
  }
}
