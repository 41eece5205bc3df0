/// Collects what is wrong in one file, in document order.
final class PolicyErrorSink {
  private(set) var errors: [PolicyError] = []

  func add(_ error: PolicyError) { errors.append(error) }
}
