/// Requests that are all known, in order of arrival.
public struct ListWorkload: Workload {
  private let requests: [WorkloadRequest]
  private var index = 0

  public init(_ requests: [WorkloadRequest]) { self.requests = requests }

  public var totalRequests: Int? { requests.count }

  public mutating func next() -> WorkloadRequest? {
    guard index < requests.count else { return nil }
    index += 1
    return requests[index - 1]
  }
}
