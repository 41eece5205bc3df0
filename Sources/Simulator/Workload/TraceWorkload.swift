import WireProtocol

/// A trace file in the Azure, ServeGen or Mooncake format, told apart by the first line, read as it is needed.
public struct TraceWorkload: Workload {
  enum Format: Hashable, Sendable { case azure, serveGen, mooncake }

  /// Mooncake's blocks; ShareGPT-like files of the same form have 16-token blocks, told by `input_length`.
  private static let mooncakeBlockTokens = 512
  private static let smallBlockTokens = 16

  public let totalRequests: Int?
  public let path: String
  private let reader: LineReader
  private let format: Format
  private let mix: ClassMix
  private let rateScale: Double
  private let first: Int?
  private var random: SeededRandom
  private var pendingLine: String?
  private var startUs: Int64?
  private var lastArrivalUs: Int64 = 0
  private var count = 0

  /// - Parameters:
  ///   - rateScale: arrivals come this much faster.
  ///   - first: stop after so many requests.
  ///   - seed: of the draw of classes.
  public init(
    path: String, mix: ClassMix, rateScale: Double = 1, first: Int? = nil, seed: UInt64 = 1
  ) throws(WorkloadError) {
    self.path = path
    self.mix = mix
    self.rateScale = rateScale
    self.first = first
    random = SeededRandom(seed: seed)
    totalRequests = try Self.countRequests(path, first)
    reader = try LineReader(path)
    guard let line = try reader.next() else { throw .empty(path: path) }
    switch line {
    case "TIMESTAMP,ContextTokens,GeneratedTokens": format = .azure
    case "arrival_s,tenant,input_tokens,output_tokens": format = .serveGen
    case _ where line.hasPrefix("{"):
      format = .mooncake
      pendingLine = line
    default: throw .unknownFormat(path: path, firstLine: line)
    }
    guard totalRequests ?? 1 > 0 else { throw .empty(path: path) }
  }

  /// Lines of the file without its header: one pass, so that progress has a total.
  private static func countRequests(_ path: String, _ first: Int?) throws(WorkloadError) -> Int {
    let reader = try LineReader(path)
    var lines = 0
    var hasHeader = false
    while let line = try reader.next() {
      if lines == 0, !line.hasPrefix("{") { hasHeader = true }
      if !line.isEmpty { lines += 1 }
    }
    let requests = lines - (hasHeader ? 1 : 0)
    return min(requests, first ?? .max)
  }

  public mutating func next() throws(WorkloadError) -> WorkloadRequest? {
    if let first, count >= first { return nil }
    guard let line = try takeLine() else { return nil }
    if line.isEmpty {
      try expectEnd()
      return nil
    }
    var request = try parse(line)
    let start = startUs ?? request.arrivalUs
    startUs = start
    request.arrivalUs = Int64(Double(request.arrivalUs - start) / rateScale)
    guard request.arrivalUs >= lastArrivalUs else {
      throw reader.malformed("arrives before the line above it; expected arrivals in order")
    }
    lastArrivalUs = request.arrivalUs
    request.classIndex = mix.draw(&random)
    count += 1
    return request
  }

  private mutating func takeLine() throws(WorkloadError) -> String? {
    guard let line = pendingLine else { return try reader.next() }
    pendingLine = nil
    return line
  }

  /// A last line without content ends the file; anywhere else it is an error.
  private func expectEnd() throws(WorkloadError) {
    let error = reader.malformed("no fields; expected a request")
    guard try reader.next() == nil else { throw error }
  }

  private func parse(_ line: String) throws(WorkloadError) -> WorkloadRequest {
    switch format {
    case .azure: try parseAzure(line)
    case .serveGen: try parseServeGen(line)
    case .mooncake: try parseMooncake(line)
    }
  }

  private func fields(_ line: String, _ expected: Int, _ header: String) throws(WorkloadError) -> [Substring] {
    let fields = line.split(separator: ",", omittingEmptySubsequences: false)
    guard fields.count == expected else {
      throw reader.malformed("\(fields.count) fields; expected \(expected): \(header)")
    }
    return fields
  }

  private func tokens(_ text: Substring, _ name: String, least: Int) throws(WorkloadError) -> Int {
    guard let value = Int(text), value >= least, value <= StepCodec.countMax else {
      throw reader.malformed("\(name) is \"\(text)\"; expected an integer, at least \(least)")
    }
    return value
  }

  private func parseAzure(_ line: String) throws(WorkloadError) -> WorkloadRequest {
    let fields = try fields(line, 3, "TIMESTAMP,ContextTokens,GeneratedTokens")
    guard let arrivalUs = Timestamp.microseconds(fields[0]) else {
      throw reader.malformed("TIMESTAMP is \"\(fields[0])\"; expected yyyy-mm-dd hh:mm:ss.fffffff")
    }
    return WorkloadRequest(
      id: "azure-\(count)", arrivalUs: arrivalUs, tenant: "azure", classIndex: 0,
      promptTokens: try tokens(fields[1], "ContextTokens", least: 1),
      outputTokens: max(1, try tokens(fields[2], "GeneratedTokens", least: 0)))
  }

  private func parseServeGen(_ line: String) throws(WorkloadError) -> WorkloadRequest {
    let fields = try fields(line, 4, "arrival_s,tenant,input_tokens,output_tokens")
    guard let seconds = Double(fields[0]), seconds >= 0, seconds < 1e9 else {
      throw reader.malformed("arrival_s is \"\(fields[0])\"; expected seconds")
    }
    return WorkloadRequest(
      id: "servegen-\(count)", arrivalUs: Int64(seconds * 1_000_000), tenant: "tenant-\(fields[1])", classIndex: 0,
      promptTokens: try tokens(fields[2], "input_tokens", least: 1),
      outputTokens: max(1, try tokens(fields[3], "output_tokens", least: 0)))
  }

  private func parseMooncake(_ line: String) throws(WorkloadError) -> WorkloadRequest {
    let json: JSONValue
    do throws(JSONError) { json = try JSONValue(parsing: line) } catch {
      throw reader.malformed("no JSON: \(error.message) at byte \(error.offset)")
    }
    guard let timestamp = json["timestamp"]?.doubleValue, timestamp >= 0, timestamp < 1e12 else {
      throw reader.malformed("timestamp is missing or wrong; expected milliseconds")
    }
    guard let input = json["input_length"]?.integerValue, input >= 1, input <= StepCodec.countMax else {
      throw reader.malformed("input_length is missing or wrong; expected tokens, at least 1")
    }
    guard let output = json["output_length"]?.integerValue, output >= 0, output <= StepCodec.countMax else {
      throw reader.malformed("output_length is missing or wrong; expected tokens")
    }
    var request = WorkloadRequest(
      id: "mooncake-\(count)", arrivalUs: Int64(timestamp * 1000), tenant: "mooncake", classIndex: 0,
      promptTokens: input, outputTokens: max(1, output))
    let hashes = json["hash_ids"]?.arrayValue ?? []
    for hash in hashes {
      guard let id = hash.unsignedValue else {
        throw reader.malformed("hash_ids holds \(hash.text); expected integers")
      }
      request.prefixBlocks.append(id)
    }
    let isSmall = hashes.count * Self.mooncakeBlockTokens >= input + 2 * Self.mooncakeBlockTokens
    request.prefixBlockTokens = isSmall ? Self.smallBlockTokens : Self.mooncakeBlockTokens
    return request
  }
}
