/// Requests that are all known, in order of arrival.
public struct ListWorkload: Workload {
  private let requests: [WorkloadRequest]
  private let rateScale: Double
  private var index = 0

  /// - Parameter rateScale: they arrive so many times as fast as they say.
  public init(_ requests: [WorkloadRequest], rateScale: Double = 1) {
    self.requests = requests
    self.rateScale = rateScale
  }

  public var totalRequests: Int? { requests.count }

  public mutating func next() -> WorkloadRequest? {
    guard index < requests.count else { return nil }
    index += 1
    var request = requests[index - 1]
    if rateScale != 1 { request.arrivalUs = Int64(Double(request.arrivalUs) / rateScale) }
    return request
  }
}
