/// Requests of one kind: Poisson arrivals unless others are given, lengths even within a quarter of their means, no
/// shared prefixes. The same seed gives the same requests everywhere.
public struct LengthsWorkload: Workload {
  public static let tokensRange = 4...1_000_000

  public let totalRequests: Int?
  private let lengths: WorkloadLengths
  private let mix: ClassMix
  private var random: SeededRandom
  private var arrivals: ArrivalClock
  private var made = 0

  /// - Parameter ratePerS: mean arrivals per second, where `arrivals` does not say.
  public init(
    requests: Int, ratePerS: Double, lengths: WorkloadLengths, mix: ClassMix, seed: UInt64,
    arrivals: ArrivalProcess? = nil
  ) {
    totalRequests = requests
    self.lengths = lengths
    self.mix = mix
    random = SeededRandom(seed: seed)
    self.arrivals = ArrivalClock(
      arrivals ?? ArrivalProcess(.poisson, ratePerS: ratePerS, variation: 1), seed: seed)
  }

  public mutating func next() -> WorkloadRequest? {
    guard made < totalRequests ?? 0 else { return nil }
    let arrivalUs = arrivals.nextUs()
    let prompt = draw(lengths.promptTokens)
    let output = draw(lengths.outputTokens)
    made += 1
    return WorkloadRequest(
      id: "len-\(made - 1)", arrivalUs: arrivalUs, tenant: "tenant-0", classIndex: mix.draw(&random),
      promptTokens: prompt, outputTokens: output)
  }

  /// Evenly within a quarter of the mean.
  private mutating func draw(_ mean: Int) -> Int { Int(Double(mean) * (0.75 + random.unit() / 2)) }
}
