/// The bundled workload: bursty arrivals, several tenants, prompts that share system prefixes, lengths with long tails.
/// The same seed gives the same requests everywhere.
public struct GeneratedWorkload: Workload {
  static let tenants = 6
  /// System prompts per tenant.
  static let prefixesPerTenant = 3
  static let prefixBlockTokens = 16
  /// A burst multiplies the rate by this much for its duration.
  static let burstFactor = 3.0
  static let calmMeanS = 20.0
  static let burstMeanS = 4.0

  public let totalRequests: Int?
  private let mix: ClassMix
  private let ratePerS: Double
  private var random: SeededRandom
  private var arrivals: ArrivalClock?
  private var made = 0
  private var nowS = 0.0
  private var isBurst = false
  private var phaseEndsS: Double

  /// - Parameters:
  ///   - ratePerS: mean arrivals per second, bursts included.
  ///   - arrivals: in place of calm and bursts.
  public init(requests: Int, ratePerS: Double, mix: ClassMix, seed: UInt64, arrivals: ArrivalProcess? = nil) {
    totalRequests = requests
    self.mix = mix
    self.ratePerS = ratePerS
    random = SeededRandom(seed: seed)
    self.arrivals = arrivals.map { ArrivalClock($0, seed: seed) }
    phaseEndsS = Self.calmMeanS
  }

  public mutating func next() -> WorkloadRequest? {
    guard made < totalRequests ?? 0 else { return nil }
    let drawnUs = arrivals?.nextUs()
    if drawnUs == nil { advance() }
    let tenant = drawTenant()
    let prefix = Int(random.unit() * Double(Self.prefixesPerTenant))
    let prefixBlocks = 8 << prefix
    let body = Int(min(12_000, max(8, random.logNormal(median: 300, sigma: 1.1))))
    let output = Int(min(2_000, max(2, random.logNormal(median: 150, sigma: 0.8))))
    var request = WorkloadRequest(
      id: "gen-\(made)", arrivalUs: drawnUs ?? Int64(nowS * 1_000_000), tenant: "tenant-\(tenant)",
      classIndex: mix.draw(&random),
      promptTokens: prefixBlocks * Self.prefixBlockTokens + body, outputTokens: output)
    let family = UInt64(tenant * Self.prefixesPerTenant + prefix + 1) << 32
    request.prefixBlocks = (0..<prefixBlocks).map { family | UInt64($0) }
    request.prefixBlockTokens = Self.prefixBlockTokens
    made += 1
    return request
  }

  /// Moves the clock to the next arrival of a two-phase Poisson process.
  private mutating func advance() {
    let burstShare = Self.burstMeanS / (Self.burstMeanS + Self.calmMeanS)
    let calmRate = ratePerS / (1 - burstShare + burstShare * Self.burstFactor)
    while true {
      let gap = random.exponential(mean: 1 / (isBurst ? calmRate * Self.burstFactor : calmRate))
      guard nowS + gap > phaseEndsS else {
        nowS += gap
        return
      }
      nowS = phaseEndsS
      isBurst.toggle()
      phaseEndsS = nowS + random.exponential(mean: isBurst ? Self.burstMeanS : Self.calmMeanS)
    }
  }

  /// The first tenant sends about half of everything, each next one about half of the rest.
  private mutating func drawTenant() -> Int {
    for tenant in 0..<(Self.tenants - 1) where random.unit() < 0.5 { return tenant }
    return Self.tenants - 1
  }
}
