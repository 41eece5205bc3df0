import WireProtocol

/// What a dense transformer's shape says about memory: layers, KV heads, weights.
public struct ModelDimensions: Hashable, Sendable {
  public var id: String
  public var layers: Int
  public var kvHeads: Int
  public var headSize: Int
  public var parameters: Int
  /// Tokens of prompt and output.
  public var length: Int

  init(
    id: String, layers: Int, hidden: Int, feedForward: Int, heads: Int, kvHeads: Int, headSize: Int = 128,
    vocabulary: Int, hasTiedEmbedding: Bool = false, normalizedHeads: Int = 0, biasedHeads: Int = 0, length: Int,
    parameters: Int? = nil
  ) {
    self.id = id
    self.layers = layers
    self.kvHeads = kvHeads
    self.headSize = headSize
    self.length = length
    let projections = hidden * (2 * heads + 2 * kvHeads) * headSize
    let layer =
      projections + 3 * hidden * feedForward + 2 * hidden + (normalizedHeads + biasedHeads) * headSize
    self.parameters =
      parameters ?? layers * layer + vocabulary * hidden * (hasTiedEmbedding ? 1 : 2) + hidden
  }

  /// KV bytes of one token in all layers, on all GPUs together.
  func kvBytesPerToken(elementBytes: Int) -> Int { 2 * layers * kvHeads * headSize * elementBytes }

  // MARK: - Known models

  /// Shapes as the models' own published configurations state them.
  static let known: [ModelDimensions] = [
    ModelDimensions(
      id: "llama-2-7b", layers: 32, hidden: 4096, feedForward: 11_008, heads: 32, kvHeads: 32, vocabulary: 32_000,
      length: 4096),
    ModelDimensions(
      id: "llama-2-70b", layers: 80, hidden: 8192, feedForward: 28_672, heads: 64, kvHeads: 8, vocabulary: 32_000,
      length: 4096),
    ModelDimensions(
      id: "llama-3-8b", layers: 32, hidden: 4096, feedForward: 14_336, heads: 32, kvHeads: 8, vocabulary: 128_256,
      length: 8192),
    ModelDimensions(
      id: "llama-3.1-8b", layers: 32, hidden: 4096, feedForward: 14_336, heads: 32, kvHeads: 8, vocabulary: 128_256,
      length: 131_072),
    ModelDimensions(
      id: "llama-3.1-70b", layers: 80, hidden: 8192, feedForward: 28_672, heads: 64, kvHeads: 8, vocabulary: 128_256,
      length: 131_072),
    ModelDimensions(
      id: "llama-3.3-70b", layers: 80, hidden: 8192, feedForward: 28_672, heads: 64, kvHeads: 8, vocabulary: 128_256,
      length: 131_072),
    ModelDimensions(
      id: "qwen3-8b", layers: 36, hidden: 4096, feedForward: 12_288, heads: 32, kvHeads: 8, vocabulary: 151_936,
      normalizedHeads: 2, length: 40_960),
    ModelDimensions(
      id: "qwen3-14b", layers: 40, hidden: 5120, feedForward: 17_408, heads: 40, kvHeads: 8, vocabulary: 151_936,
      normalizedHeads: 2, length: 40_960),
    ModelDimensions(
      id: "qwen3-32b", layers: 64, hidden: 5120, feedForward: 25_600, heads: 64, kvHeads: 8, vocabulary: 151_936,
      normalizedHeads: 2, length: 40_960),
    ModelDimensions(
      id: "qwen2.5-7b", layers: 28, hidden: 3584, feedForward: 18_944, heads: 28, kvHeads: 4, vocabulary: 152_064,
      biasedHeads: 36, length: 32_768),
    // Not of the gated form that the count of weights assumes.
    ModelDimensions(
      id: "bloom-176b", layers: 70, hidden: 14_336, feedForward: 57_344, heads: 112, kvHeads: 112,
      vocabulary: 250_880, length: 2048, parameters: 176_247_271_424),
    ModelDimensions(
      id: "mistral-7b", layers: 32, hidden: 4096, feedForward: 14_336, heads: 32, kvHeads: 8, vocabulary: 32_768,
      length: 32_768),
  ]

  /// The known model that a name such as "meta-llama/Llama-3.1-8B-Instruct" or "llama2-70b" begins with: letters,
  /// digits and points compared.
  static func known(_ name: String) -> ModelDimensions? {
    var words = (name.split(separator: "/").last.map { $0.lowercased() } ?? "").split { $0 == "-" || $0 == "_" }
    if words.first == "meta" { words.removeFirst() }
    let beginnings = Set(words.indices.map { words[...$0].joined() })
    return known.first { beginnings.contains($0.id.filter { $0 != "-" }) }
  }

  // MARK: - A model's own configuration

  /// Reads the `config.json` that models are published with. - Throws: what is missing, by its name in the file.
  static func decode(bytes: [UInt8], path: String, id: String?) throws(ProfileImportError) -> ModelDimensions {
    let json: JSONValue
    do throws(JSONError) { json = try JSONValue(parsing: bytes) } catch {
      throw ProfileImportError("\(path): no JSON: \(error.message) at byte \(error.offset)")
    }
    func value(_ name: String, default fallback: Int? = nil) throws(ProfileImportError) -> Int {
      guard let number = json[name]?.integerValue ?? fallback, number >= 1, number <= 1 << 31 else {
        throw ProfileImportError("\(path): \(name) is missing or wrong; expected an integer, at least 1")
      }
      return number
    }
    for word in ["num_experts", "num_local_experts", "n_routed_experts", "kv_lora_rank"] where json[word] != nil {
      throw ProfileImportError("\(path): \(word): \(Self.refused)")
    }
    let hidden = try value("hidden_size")
    let heads = try value("num_attention_heads")
    return ModelDimensions(
      id: id ?? json["_name_or_path"]?.stringValue ?? json["model_type"]?.stringValue ?? "model",
      layers: try value("num_hidden_layers"), hidden: hidden, feedForward: try value("intermediate_size"),
      heads: heads, kvHeads: try value("num_key_value_heads", default: heads),
      headSize: try value("head_dim", default: max(1, hidden / heads)), vocabulary: try value("vocab_size"),
      hasTiedEmbedding: json["tie_word_embeddings"]?.boolValue ?? false,
      length: try value("max_position_embeddings", default: 131_072))
  }

  static let refused =
    "mixtures of experts, latent attention and linear attention are not composed; expected a dense transformer with "
    + "qkv_proj, attention, o_proj, gate_up_proj, act_fn, down_proj"
}
