/// One measured attention call of one layer: a prefill chunk, decodes of equal context, or both at once.
struct AttentionKernel {
  var chunkTokens: Int
  /// Tokens of the chunk's request that have KV.
  var prefixTokens: Int
  var decodes: Int
  /// Context tokens of each decode.
  var decodeContextTokens: Int
  var us: Double

  /// Tokens of KV that the iteration leaves behind.
  var residentTokens: Int { chunkTokens + prefixTokens + decodes * decodeContextTokens }
}
