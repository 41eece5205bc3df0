/// A workload several times back to back. Each copy begins one mean gap after the last arrival of the copy before it,
/// has classes of its own, and shares no prefixes with the other copies.
struct RepeatedWorkload: Workload {
  let totalRequests: Int?
  private let source: WorkloadSource
  private let rateScale: Double
  private let copies: Int
  private var copy = 0
  private var current: any Workload
  private var offsetUs: Int64 = 0
  private var lastUs: Int64 = 0
  private var count = 0

  /// - Parameter source: what is repeated; its own number of copies is not looked at.
  init(_ source: WorkloadSource, copies: Int, rateScale: Double) throws(WorkloadError) {
    self.source = source
    self.rateScale = rateScale
    self.copies = copies
    current = try source.openCopy(0, rateScale: rateScale)
    totalRequests = current.totalRequests.map { $0 * copies }
  }

  mutating func next() throws(WorkloadError) -> WorkloadRequest? {
    while true {
      if var request = try current.next() {
        count += 1
        request.arrivalUs += offsetUs
        lastUs = request.arrivalUs
        if copy > 0 { distinguish(&request) }
        return request
      }
      guard copy + 1 < copies, count > 0 else { return nil }
      let meanGapUs = (lastUs - offsetUs) / Int64(max(1, count - 1))
      offsetUs = lastUs + meanGapUs
      count = 0
      copy += 1
      current = try source.openCopy(copy, rateScale: rateScale)
    }
  }

  private func distinguish(_ request: inout WorkloadRequest) {
    request.id += "-\(copy)"
    let salt = SeededRandom.mixed(UInt64(copy))
    request.prefixBlocks = request.prefixBlocks.map { $0 ^ salt }
    request.outputBlocks = request.outputBlocks.map { $0 ^ salt }
  }
}
