/// How long a waiting request is expected to wait from now on, until a plan has it.
public struct WaitEstimate: Hashable, Codable, Sendable {
  /// Longer waits are told as this: nobody can foresee them.
  public static let mostUs = 3_600_000_000

  /// Expected wait in microseconds.
  public var meanUs: Int
  /// The same when service, answers and arrivals are all worse than expected, by 2.33 standard deviations each;
  /// microseconds.
  public var boundUs: Int

  /// - Parameters:
  ///   - meanUs: microseconds; what is beyond `mostUs`, or no number, counts as that.
  ///   - boundUs: the same, at least `meanUs`.
  init(meanUs: Double, boundUs: Double) {
    let most = Double(Self.mostUs)
    self.meanUs = meanUs < most ? Int(meanUs) : Self.mostUs
    self.boundUs = boundUs < most ? max(self.meanUs, Int(boundUs)) : Self.mostUs
  }
}
