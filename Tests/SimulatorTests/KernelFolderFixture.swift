import Foundation

/// A folder of made-up kernel times on disk: every kernel is linear in what it computes, so that iterations are too.
struct KernelFolderFixture {
  let url: URL
  var path: String { url.path(percentEncoded: false) }

  /// Microseconds of attention for a batch, one layer.
  static func attentionUs(chunk: Int, prefix: Int, decodes: Int, context: Int) -> Double {
    5 + 0.001 * Double(chunk) * (Double(prefix) + Double(chunk) / 2) + 0.02 * Double(decodes * context)
  }

  /// Names of the layers with microseconds for none and for each token.
  static let layers: [(name: String, us: Double, usPerToken: Double)] = [
    ("embedding", 3, 0), ("layernorm", 2, 0.01), ("qkv_proj", 40, 0.1), ("rotary_emb", 3, 0), ("o_proj", 20, 0.1),
    ("gate_up_proj", 80, 0.4), ("act_fn", 3, 0.02), ("down_proj", 40, 0.2), ("final_layernorm", 3, 0),
  ]

  /// - Parameter folder: names of the folders below a fresh one, such as "NewGPU/llama-3.1-8b-bf16-tp1".
  init(folder: String = "RTX4090/llama-3.1-8b-bf16-tp1") throws {
    url = FileManager.default.temporaryDirectory.appending(path: "coxswain-\(UUID().uuidString)/\(folder)")
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    try write("attention.csv", Self.attention)
    try write("dense.csv", Self.dense)
    try write("per_sequence.csv", "layer,sequences,time_us\nlm_head,1,700\nlm_head,256,700\nsampler,1,30\n")
    try write(
      "meta.yaml",
      """
      gpu: NVIDIA GeForce RTX 4090
      hardware: RTX4090
      vllm_version: 0.19.0
      profiled_at: '2026-01-02T00:00:00+00:00'
      model: meta-llama/Llama-3.1-8B
      variant: bf16
      tp_degrees: [1]
      engine_effective:
        block_size: 16
        gpu_memory_utilization: 0.9
        max_num_batched_tokens: 2048
        max_num_seqs: 128
        hf_overrides:
          num_hidden_layers: 1
      """)
  }

  func write(_ name: String, _ text: String) throws { try Data(text.utf8).write(to: url.appending(path: name)) }

  func text(_ name: String) throws -> String { try String(contentsOf: url.appending(path: name), encoding: .utf8) }

  func remove(_ name: String) throws { try FileManager.default.removeItem(at: url.appending(path: name)) }

  /// Replaces a file by its gzipped form.
  func compress(_ name: String) throws {
    let process = Process()
    process.executableURL = URL(filePath: "/usr/bin/env")
    process.arguments = ["gzip", url.appending(path: name).path(percentEncoded: false)]
    try process.run()
    process.waitUntilExit()
  }

  private static let attention: String = {
    var lines = ["prefill_chunk,kv_prefill,n_decode,kv_decode,time_us"]
    for chunk in [0, 16, 128, 512, 2048] {
      for prefix in chunk == 0 ? [0] : [0, 512, 4096] {
        for decodes in [0, 1, 4, 8, 64] where chunk + decodes > 0 {
          for context in decodes == 0 ? [0] : [16, 64, 256, 1024, 4096] {
            let us = attentionUs(chunk: chunk, prefix: prefix, decodes: decodes, context: context)
            lines.append("\(chunk),\(prefix),\(decodes),\(context),\(us)")
          }
        }
      }
    }
    return lines.joined(separator: "\n") + "\n"
  }()

  private static let dense: String = {
    var lines = ["layer,tokens,time_us"]
    for layer in layers {
      for tokens in [1, 16, 256, 2048, 4096] {
        lines.append("\(layer.name),\(tokens),\(layer.us + layer.usPerToken * Double(tokens))")
      }
    }
    return lines.joined(separator: "\n") + "\n"
  }()
}
