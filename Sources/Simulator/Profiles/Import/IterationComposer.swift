/// Iteration times put together from kernels: every measured attention call, in all layers, with the other kernels at
/// the iteration's tokens and sequences. Kernels follow each other on one stream, so their times add up.
struct IterationComposer {
  let kernels: KernelFolder
  let layers: Int
  /// Iterations whose KV does not fit are left out: a fit should not spend itself on what cannot happen.
  let kvCapacityTokens: Int

  func samples() -> [IterationSample] {
    var outside: [Int: Double] = [:]
    return kernels.attention.lazy.filter { $0.residentTokens <= kvCapacityTokens }.map { kernel in
      let tokens = kernel.chunkTokens + kernel.decodes
      let sequences = kernel.decodes + (kernel.chunkTokens > 0 ? 1 : 0)
      let key = tokens << 1 | (kernel.chunkTokens > 0 ? 1 : 0)
      let rest = outside[key] ?? restUs(tokens: tokens, sequences: sequences)
      outside[key] = rest
      return sample(kernel, us: rest + Double(layers) * kernel.us)
    }
  }

  /// All but attention.
  private func restUs(tokens: Int, sequences: Int) -> Double {
    var layerUs = 0.0
    for (name, calls) in KernelFolder.layerCalls.sorted(by: { $0.key < $1.key }) {
      layerUs += calls * (kernels.dense[name]?.us(tokens) ?? 0)
    }
    let onceUs = KernelFolder.onceLayers.reduce(0) { $0 + (kernels.dense[$1]?.us(tokens) ?? 0) }
    let sequenceUs = kernels.perSequence.sorted { $0.key < $1.key }.reduce(0) { $0 + $1.value.us(sequences) }
    return Double(layers) * layerUs + onceUs + sequenceUs
  }

  private func sample(_ kernel: AttentionKernel, us: Double) -> IterationSample {
    let chunk = Double(kernel.chunkTokens)
    let prefix = kernel.chunkTokens > 0 ? Double(kernel.prefixTokens) : 0
    return IterationSample(
      prefillTokens: chunk, prefillPairs: chunk * (prefix + chunk / 2), prefixTokens: prefix,
      decodes: Double(kernel.decodes), decodeContextTokens: Double(kernel.decodes * kernel.decodeContextTokens),
      longestContextTokens: kernel.decodes > 0 ? Double(kernel.decodeContextTokens) : 0, ms: us / 1000)
  }
}
