/// The layouts of trace files, told apart by their first line.
enum TraceFormat: Hashable, Sendable {
  /// AzurePublicDataset: `TIMESTAMP,ContextTokens,GeneratedTokens`.
  case azure
  /// ServeGen: `arrival_s,tenant,input_tokens,output_tokens`.
  case serveGen
  /// Mooncake and files of its form: JSON lines with the identities of the prompt's leading blocks.
  case hashedBlocks
  /// Prompt and output tokens, and nothing that tells when: `num_prefill_tokens,num_decode_tokens`, then anything.
  case lengths(columns: Int)

  static let azureHeader = "TIMESTAMP,ContextTokens,GeneratedTokens"
  static let serveGenHeader = "arrival_s,tenant,input_tokens,output_tokens"
  static let lengthsHeader = "num_prefill_tokens,num_decode_tokens"

  /// nil for a file of another kind.
  init?(firstLine line: String) {
    switch line {
    case Self.azureHeader: self = .azure
    case Self.serveGenHeader: self = .serveGen
    case _ where line.hasPrefix("{"): self = .hashedBlocks
    case _ where line == Self.lengthsHeader || line.hasPrefix(Self.lengthsHeader + ","):
      self = .lengths(columns: line.split(separator: ",", omittingEmptySubsequences: false).count)
    default: return nil
    }
  }

  var hasHeader: Bool { self != .hashedBlocks }

  var hasArrivals: Bool {
    if case .lengths = self { return false }
    return true
  }
}
