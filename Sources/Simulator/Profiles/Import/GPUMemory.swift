/// Memory of GPUs as their driver reports it, so that measurements of a common one need no option.
enum GPUMemory {
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
