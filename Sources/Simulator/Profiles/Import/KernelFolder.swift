import Glibc

/// Kernel times of one model on one GPU, as a layerwise profiler leaves them in a folder: `attention.csv`, `dense.csv`,
/// `per_sequence.csv`, each plain or gzipped, and `meta.yaml` there or in a folder above. `skew.csv`, the effect of
/// unequal contexts, may be missing: the grid of `attention.csv` has equal ones.
struct KernelFolder {
  /// Layers that run once in an iteration; the others in `layerCalls` run in every transformer layer, so often.
  static let onceLayers = ["embedding", "final_layernorm"]
  static let layerCalls: [String: Double] = [
    "layernorm": 2, "qkv_proj": 1, "qk_norm": 1, "rotary_emb": 1, "o_proj": 1, "gate_up_proj": 1, "act_fn": 1,
    "down_proj": 1,
  ]
  private static let requiredLayers = ["qkv_proj", "o_proj", "gate_up_proj", "down_proj"]
  private static let sequenceLayers = ["lm_head", "sampler"]
  private static let refusedFiles = ["moe", "moe_components", "linear_attention"]
  /// Folders above that `meta.yaml` is looked for in: profilers put it beside the tensor-parallel folders.
  private static let metaLevels = 2

  let path: String
  let meta: KernelMeta
  let attention: [AttentionKernel]
  /// Microseconds of one call, by layer, against tokens in the iteration.
  let dense: [String: KernelCurve]
  /// Against sequences that produce a token.
  let perSequence: [String: KernelCurve]
  let skew: [ContextSkew]

  init(_ path: String) throws(ProfileImportError) {
    self.path = path
    for name in Self.refusedFiles {
      if let file = Self.file(name, in: path) { throw ProfileImportError("\(file): \(ModelDimensions.refused)") }
    }
    let attentionPath = try Self.required("attention", in: path)
    let densePath = try Self.required("dense", in: path)
    var meta = try Self.meta(path)
    let run = path + "/vllm_measured_meta.json"
    if access(run, R_OK) == 0 { try meta.addRun(path: run) }
    self.meta = meta
    attention = try Self.attention(attentionPath)
    let dense = try Self.curves(densePath, "tokens", known: Self.onceLayers + Self.layerCalls.keys)
    self.dense = dense
    let missing = Self.requiredLayers.filter { dense[$0] == nil }
    guard missing.isEmpty else {
      throw ProfileImportError(
        "\(densePath): no layer \(missing.joined(separator: ", ")); \(ModelDimensions.refused)")
    }
    if let file = Self.file("skew", in: path) { skew = try ContextSkew.read(file) } else { skew = [] }
    if let file = Self.file("per_sequence", in: path) {
      perSequence = try Self.curves(file, "sequences", known: Self.sequenceLayers)
    } else {
      perSequence = [:]
    }
  }

  private static func meta(_ path: String) throws(ProfileImportError) -> KernelMeta {
    var folder = path
    for _ in 0...metaLevels {
      let file = folder + "/meta.yaml"
      if access(file, R_OK) == 0 { return try KernelMeta(path: file) }
      folder += "/.."
    }
    return KernelMeta()
  }

  private static func file(_ name: String, in path: String) -> String? {
    ["\(path)/\(name).csv", "\(path)/\(name).csv.gz"].first { access($0, R_OK) == 0 }
  }

  private static func required(_ name: String, in path: String) throws(ProfileImportError) -> String {
    if let file = file(name, in: path) { return file }
    throw ProfileImportError(
      "\(path): no \(name).csv (or .csv.gz); expected a folder with attention.csv, dense.csv and per_sequence.csv")
  }

  private static func attention(_ path: String) throws(ProfileImportError) -> [AttentionKernel] {
    let table = try MeasuredTable(
      path: path, expected: ["prefill_chunk", "kv_prefill", "n_decode", "kv_decode", "time_us"])
    var kernels: [AttentionKernel] = []
    kernels.reserveCapacity(table.rows.count)
    for row in table.rows {
      let kernel = AttentionKernel(
        chunkTokens: try table.count("prefill_chunk", row), prefixTokens: try table.count("kv_prefill", row),
        decodes: try table.count("n_decode", row), decodeContextTokens: try table.count("kv_decode", row),
        us: try table.time("time_us", row))
      guard kernel.chunkTokens + kernel.decodes > 0 else {
        throw table.error(row, "prefill_chunk and n_decode are both 0; expected a batch that is not empty")
      }
      kernels.append(kernel)
    }
    return kernels
  }

  private static func curves(
    _ path: String, _ column: String, known: [String]
  ) throws(ProfileImportError) -> [String: KernelCurve] {
    let table = try MeasuredTable(path: path, expected: ["layer", column, "time_us"])
    var points: [String: [(count: Int, us: Double)]] = [:]
    for row in table.rows {
      let layer = try table.word("layer", row)
      guard known.contains(layer) else {
        throw table.error(row, "layer \"\(layer)\"; expected one of \(known.sorted().joined(separator: ", "))")
      }
      points[layer, default: []].append((try table.count(column, row, least: 1), try table.time("time_us", row)))
    }
    return points.mapValues { KernelCurve($0) }
  }
}
