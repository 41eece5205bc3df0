/// A stream of requests in order of arrival.
public protocol Workload {
  /// For progress bars; nil when only the end of the file tells.
  var totalRequests: Int? { get }
  /// The next request; nil at the end.
  mutating func next() throws(WorkloadError) -> WorkloadRequest?
}
