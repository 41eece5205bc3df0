import WireProtocol

/// A run of a real engine: its requests with the latencies that were measured, to hold the simulator against.
///
/// Read from JSON lines as Mooncake's, with 16-token blocks in `hash_ids`, the answer's blocks in `output_hash_ids`,
/// and one member with the measurement: `{"queued_ms","ttft_ms","e2e_ms"}`.
public struct MeasuredRun: Sendable {
  public struct Latency: Hashable, Sendable {
    public var ttftUs: Int
    /// From arrival to the last token.
    public var endToEndUs: Int
  }

  static let requestsMax = 1_000_000
  private static let blockTokens = 16

  /// In order of arrival.
  public let requests: [WorkloadRequest]
  public let latencies: [Latency]

  /// - Parameter measurement: name of the member with the measured times, such as "rtxpro6000".
  public init(path: String, measurement: String) throws(WorkloadError) {
    let reader = try LineReader(path)
    var rows: [(request: WorkloadRequest, latency: Latency)] = []
    while let line = try reader.next(), rows.count < Self.requestsMax {
      rows.append(try Self.row(line, rows.count, measurement, reader))
    }
    rows.sort { $0.request.arrivalUs < $1.request.arrivalUs }
    guard !rows.isEmpty else { throw .empty(path: path) }
    requests = rows.map(\.request)
    latencies = rows.map(\.latency)
  }

  private static func row(
    _ line: String, _ index: Int, _ measurement: String, _ reader: LineReader
  ) throws(WorkloadError) -> (WorkloadRequest, Latency) {
    let json: JSONValue
    do throws(JSONError) { json = try JSONValue(parsing: line) } catch {
      throw reader.malformed("no JSON: \(error.message) at byte \(error.offset)")
    }
    guard let input = json["input_length"]?.integerValue, let output = json["output_length"]?.integerValue,
      (1...StepCodec.countMax).contains(input), (1...StepCodec.countMax).contains(output)
    else { throw reader.malformed("input_length or output_length is missing or wrong; expected tokens, at least 1") }
    guard let times = json[measurement], let queuedMs = times["queued_ms"]?.doubleValue,
      let ttftMs = times["ttft_ms"]?.doubleValue, let endMs = times["e2e_ms"]?.doubleValue, queuedMs >= 0,
      queuedMs < 1e12, ttftMs >= 0, endMs >= ttftMs, endMs < 1e12
    else { throw reader.malformed("\(measurement) is missing or wrong; expected queued_ms, ttft_ms, e2e_ms") }
    var request = WorkloadRequest(
      id: "measured-\(index)", arrivalUs: Int64(queuedMs * 1000), tenant: "measured", classIndex: 0,
      promptTokens: input, outputTokens: output)
    request.prefixBlocks = (json["hash_ids"]?.arrayValue ?? []).compactMap(\.unsignedValue)
    request.outputBlocks = (json["output_hash_ids"]?.arrayValue ?? []).compactMap(\.unsignedValue)
    request.prefixBlockTokens = blockTokens
    return (request, Latency(ttftUs: Int(ttftMs * 1000), endToEndUs: Int(endMs * 1000)))
  }

  /// Mean microseconds between tokens; nil for a single token.
  func tpotUs(_ index: Int) -> Int? {
    let gaps = requests[index].outputTokens - 1
    return gaps > 0 ? (latencies[index].endToEndUs - latencies[index].ttftUs) / gaps : nil
  }
}
