/// A trace file in one of the formats of `TraceFormat`, read as it is needed.
public struct TraceWorkload: Workload {
  public let totalRequests: Int?
  public let path: String
  private let parser: TraceLineParser
  private let mix: ClassMix
  private let rateScale: Double
  private let first: Int
  private var arrivals: ArrivalClock?
  private var random: SeededRandom
  private var pendingLine: String?
  private var startUs: Int64?
  private var lastArrivalUs: Int64 = 0
  private var count = 0

  /// - Parameters:
  ///   - rateScale: arrivals come this much faster.
  ///   - first: stop after so many requests.
  ///   - seed: of the draw of classes, and of arrivals where they are drawn.
  ///   - arrivals: draws arrivals in place of the file's; needed for a file that has none.
  public init(
    path: String, mix: ClassMix, rateScale: Double = 1, first: Int? = nil, seed: UInt64 = 1,
    arrivals: ArrivalProcess? = nil
  ) throws(WorkloadError) {
    self.path = path
    self.mix = mix
    self.rateScale = rateScale
    random = SeededRandom(seed: seed)
    self.arrivals = arrivals.map { ArrivalClock($0, seed: seed) }
    let outline = try TraceOutline(path: path)
    guard outline.format.hasArrivals || arrivals != nil else { throw .noArrivals(path: path) }
    self.first = min(outline.requests, first ?? .max)
    totalRequests = self.first
    let reader = try LineReader(path)
    parser = TraceLineParser(outline: outline, reader: reader)
    let firstLine = try reader.next()
    if !outline.format.hasHeader { pendingLine = firstLine }
  }

  public mutating func next() throws(WorkloadError) -> WorkloadRequest? {
    guard count < first, let line = try takeLine() else { return nil }
    if line.isEmpty {
      try expectEnd()
      return nil
    }
    var request = try parser.parse(line, index: count)
    let traceUs = arrivals?.nextUs() ?? request.arrivalUs
    let start = startUs ?? (arrivals == nil ? traceUs : 0)
    startUs = start
    request.arrivalUs = Int64(Double(traceUs - start) / rateScale)
    guard request.arrivalUs >= lastArrivalUs else {
      throw parser.reader.malformed("arrives before the line above it; expected arrivals in order")
    }
    lastArrivalUs = request.arrivalUs
    request.classIndex = mix.draw(&random)
    count += 1
    return request
  }

  private mutating func takeLine() throws(WorkloadError) -> String? {
    guard let line = pendingLine else { return try parser.reader.next() }
    pendingLine = nil
    return line
  }

  /// A last line without content ends the file; anywhere else it is an error.
  private func expectEnd() throws(WorkloadError) {
    let error = parser.reader.malformed("no fields; expected a request")
    guard try parser.reader.next() == nil else { throw error }
  }
}
