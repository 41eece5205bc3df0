import WireProtocol

/// What one pass over a trace file finds out before the first request is served: its layout, how many requests it has,
/// and how many tokens a hashed block holds.
struct TraceOutline: Hashable, Sendable {
  /// Mooncake's blocks.
  static let largeBlockTokens = 512
  /// Blocks of vLLM's size, as in ShareGPT files with measured latencies.
  static let smallBlockTokens = 16

  let format: TraceFormat
  let requests: Int
  let blockTokens: Int

  init(path: String) throws(WorkloadError) {
    let reader = try LineReader(path)
    guard let header = try reader.next() else { throw .empty(path: path) }
    guard let format = TraceFormat(firstLine: header) else { throw .unknownFormat(path: path, firstLine: header) }
    self.format = format
    var requests = 0
    var blockTokens: Int?
    var line: String? = format.hasHeader ? try reader.next() : header
    while let text = line {
      if !text.isEmpty { requests += 1 }
      if format == .hashedBlocks, blockTokens == nil { blockTokens = Self.blockTokens(text) }
      line = try reader.next()
    }
    guard requests > 0 else { throw .empty(path: path) }
    self.requests = requests
    self.blockTokens = blockTokens ?? Self.largeBlockTokens
  }

  /// Told by one request: one that has more blocks than large ones would fill has small ones; nil where either fits, or
  /// where the line is broken, which its parser will say.
  private static func blockTokens(_ line: String) -> Int? {
    guard let json = try? JSONValue(parsing: line), let input = json["input_length"]?.integerValue,
      (1...StepCodec.countMax).contains(input)
    else { return nil }
    if json["output_hash_ids"] != nil { return smallBlockTokens }
    let blocks = json["hash_ids"]?.arrayValue?.count ?? 0
    let large = (input + largeBlockTokens - 1) / largeBlockTokens
    if blocks > large { return smallBlockTokens }
    return large > 1 && blocks == large ? largeBlockTokens : nil
  }
}
