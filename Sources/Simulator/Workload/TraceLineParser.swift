import WireProtocol

/// One line of a trace file as a request. `arrivalUs` is as in the file, in microseconds from any origin.
struct TraceLineParser {
  let outline: TraceOutline
  let reader: LineReader

  func parse(_ line: String, index: Int) throws(WorkloadError) -> WorkloadRequest {
    switch outline.format {
    case .azure: try parseAzure(line, index)
    case .serveGen: try parseServeGen(line, index)
    case .hashedBlocks: try parseHashedBlocks(line, index)
    case .lengths(let columns): try parseLengths(line, index, columns)
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
      throw reader.malformed("\(name) is \"\(text.prefix(Self.quotedMax))\"; expected an integer, at least \(least)")
    }
    return value
  }

  /// Characters of a wrong field that an error repeats.
  private static let quotedMax = 40

  private func parseAzure(_ line: String, _ index: Int) throws(WorkloadError) -> WorkloadRequest {
    let fields = try fields(line, 3, TraceFormat.azureHeader)
    guard let arrivalUs = Timestamp.microseconds(fields[0]) else {
      throw reader.malformed(
        "TIMESTAMP is \"\(fields[0].prefix(Self.quotedMax))\"; expected yyyy-mm-dd hh:mm:ss.fffffff")
    }
    return WorkloadRequest(
      id: "azure-\(index)", arrivalUs: arrivalUs, tenant: "azure", classIndex: 0,
      promptTokens: try tokens(fields[1], "ContextTokens", least: 1),
      outputTokens: max(1, try tokens(fields[2], "GeneratedTokens", least: 0)))
  }

  private func parseServeGen(_ line: String, _ index: Int) throws(WorkloadError) -> WorkloadRequest {
    let fields = try fields(line, 4, TraceFormat.serveGenHeader)
    guard let seconds = Double(fields[0]), seconds >= 0, seconds < 1e9 else {
      throw reader.malformed("arrival_s is \"\(fields[0].prefix(Self.quotedMax))\"; expected seconds")
    }
    guard (1...Self.tenantMax).contains(fields[1].utf8.count) else {
      throw reader.malformed("tenant is \"\(fields[1].prefix(Self.quotedMax))\"; expected 1 to \(Self.tenantMax) bytes")
    }
    return WorkloadRequest(
      id: "servegen-\(index)", arrivalUs: Int64(seconds * 1_000_000), tenant: "tenant-\(fields[1])", classIndex: 0,
      promptTokens: try tokens(fields[2], "input_tokens", least: 1),
      outputTokens: max(1, try tokens(fields[3], "output_tokens", least: 0)))
  }

  private static let tenantMax = 128

  private func parseLengths(_ line: String, _ index: Int, _ columns: Int) throws(WorkloadError) -> WorkloadRequest {
    let fields = try fields(line, columns, "as the first line has")
    return WorkloadRequest(
      id: "lengths-\(index)", arrivalUs: 0, tenant: "lengths", classIndex: 0,
      promptTokens: try tokens(fields[0], "num_prefill_tokens", least: 1),
      outputTokens: max(1, try tokens(fields[1], "num_decode_tokens", least: 0)))
  }

  private func parseHashedBlocks(_ line: String, _ index: Int) throws(WorkloadError) -> WorkloadRequest {
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
      id: "trace-\(index)", arrivalUs: Int64(timestamp * 1000), tenant: "trace", classIndex: 0, promptTokens: input,
      outputTokens: max(1, output))
    request.prefixBlocks = try blocks(json, "hash_ids", of: input)
    request.outputBlocks = try blocks(json, "output_hash_ids", of: input + output)
    request.prefixBlockTokens = outline.blockTokens
    return request
  }

  private func blocks(_ json: JSONValue, _ name: String, of tokens: Int) throws(WorkloadError) -> [UInt64] {
    guard let member = json[name] else { return [] }
    guard let hashes = member.arrayValue else { throw reader.malformed("\(name) is no array; expected integers") }
    let most = (tokens + outline.blockTokens - 1) / outline.blockTokens
    guard hashes.count <= most else {
      throw reader.malformed(
        "\(hashes.count) \(name) for \(tokens) tokens; expected at most \(most) blocks of \(outline.blockTokens)")
    }
    var blocks: [UInt64] = []
    blocks.reserveCapacity(hashes.count)
    for hash in hashes {
      guard let id = hash.unsignedValue else {
        throw reader.malformed("\(name) holds \(hash.text.prefix(Self.quotedMax)); expected integers, at least 0")
      }
      blocks.append(id)
    }
    return blocks
  }
}
