import SchedulerCore

/// Both forms fitted to one kind of iteration. The errors are those of a fit that saw three quarters of the samples, on
/// the quarter that it did not see; the coefficients then go on from there with all of them.
public struct RegimeFit: Hashable, Sendable {
  /// Samples below which a kind of iteration is not fitted.
  public static let samplesMin = 6
  private static let heldOutShare: UInt64 = 4
  private static let seed: UInt64 = 1

  public let linear: IterationTimeModel.Coefficients
  public let linearError: FitError
  public let roofline: IterationTimeModel.Coefficients
  public let rooflineError: FitError

  init(_ samples: [IterationSample]) {
    var random = SeededRandom(seed: Self.seed)
    let isHeldOut = samples.map { _ in random.next() % Self.heldOutShare == 0 }
    let seen = zip(samples, isHeldOut).filter { !$1 }.map(\.0)
    let held = zip(samples, isHeldOut).filter { $1 }.map(\.0)
    let unseen = held.isEmpty ? samples : held
    let seenLinear = LinearFit.fit(seen)
    let seenRoofline = RooflineFit.fit(seen, linear: seenLinear)
    linearError = FitError(seenLinear, .linear, unseen)
    rooflineError = FitError(seenRoofline, .roofline, unseen)
    linear = LinearFit.fit(samples)
    roofline = RooflineFit.refine(seenRoofline, samples)
  }

  func coefficients(_ form: IterationTimeModel.Form) -> IterationTimeModel.Coefficients {
    form == .linear ? linear : roofline
  }

  public func error(_ form: IterationTimeModel.Form) -> FitError { form == .linear ? linearError : rooflineError }
}
