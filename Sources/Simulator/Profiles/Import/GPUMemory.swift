/// The memory of one GPU and how much of it is KV cache. Common GPUs are known by name, so that measurements of one
/// need no option.
struct GPUMemory {
  static let blockTokens = 16
  /// Memory per GPU that is neither weights nor KV: the driver's context, graphs, activations. vLLM 0.19 kept so much
  /// of an RTX 4090 serving Llama-3.1-8B.
  static let reservedBytes = 1_536 << 20
  private static let utilization = 0.9

  /// As the driver reports it.
  let bytes: Int
  /// Share that the engine takes.
  let utilization: Double

  /// From the options, else by one of the names; nil when nothing is known.
  init?(options: ProfileImportOptions, names: [String], utilization: Double? = nil) {
    guard let bytes = options.memoryGiB.map({ Int($0 * Double(1 << 30)) }) ?? Self.bytes(names) else { return nil }
    self.bytes = bytes
    self.utilization = options.memoryUtilization ?? utilization ?? Self.utilization
  }

  /// Whole blocks of KV on all GPUs together; 0 when the weights leave no room.
  func kvTokens(gpus: Int, weightBytes: Int, kvBytesPerToken: Int) -> Int {
    let usable = (Double(bytes) * utilization - Double(Self.reservedBytes)) * Double(gpus)
    let tokens = max(0, (usable - Double(weightBytes)) / Double(kvBytesPerToken))
    return Int(tokens) / Self.blockTokens * Self.blockTokens
  }

  private static let knownMiB: [(name: String, mib: Int)] = [
    ("rtxpro6000", 97_887), ("rtx6000ada", 49_140), ("rtxa6000", 49_140), ("rtx5090", 32_607), ("rtx4090", 24_564),
    ("rtx3090", 24_576), ("a10040gb", 40_960), ("a100", 81_920), ("a30", 24_576), ("a40", 46_068), ("l40s", 46_068),
    ("l40", 46_068), ("l4", 23_034), ("h200", 143_771), ("h100", 81_559), ("b200", 183_359),
  ]

  /// Bytes of the first GPU in the list whose name is part of one of `names`, letters and digits compared.
  static func bytes(_ names: [String]) -> Int? {
    let plain = names.map { $0.lowercased().filter { $0.isLetter || $0.isNumber } }
    return knownMiB.first { known in plain.contains { $0.contains(known.name) } }.map { $0.mib << 20 }
  }
}
