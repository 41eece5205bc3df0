import Glibc
import SchedulerCore

/// Which GPU and model a folder of measurements is about, and how much KV fits: from the options, else from
/// `meta.yaml`, else from the folder's name.
struct ProfileSubject {
  static let tensorParallelMax = 64
  private static let stepTokens = 2048
  private static let sequences = 256
  private static let unknownLength = 131_072

  let gpu: String
  let hardware: String
  let dimensions: ModelDimensions
  let tensorParallel: Int
  let kvBytesPerToken: Int
  let kvCapacityTokens: Int
  let notes: [String]
  private let options: ProfileImportOptions
  private let meta: KernelMeta

  init(path: String, meta: KernelMeta, options: ProfileImportOptions) throws(ProfileImportError) {
    self.options = options
    self.meta = meta
    let names = Self.folderNames(path)
    hardware = meta.text("hardware") ?? Self.hardwareName(names)
    gpu = options.gpu ?? meta.text("gpu") ?? hardware
    tensorParallel = options.tensorParallel ?? names.lazy.compactMap(Self.tensorParallel).first ?? 1
    dimensions = try Self.dimensions(path, names, meta, options)
    let variant = ((meta.text("variant") ?? "") + " " + names.joined(separator: " ")).lowercased()
    let kvElementBytes = variant.contains("kvfp8") ? 1 : 2
    let weightBytes = variant.contains("fp8") && !variant.contains("bf16") ? 1 : 2
    kvBytesPerToken = options.kvBytesPerToken ?? dimensions.kvBytesPerToken(elementBytes: kvElementBytes)
    guard kvBytesPerToken > 0 else {
      throw ProfileImportError("\(path): model \(dimensions.id) is not known; expected --kv-bytes-per-token")
    }
    if let tokens = options.kvTokens {
      kvCapacityTokens = tokens
      notes = []
      return
    }
    guard
      let memory = GPUMemory(
        options: options, names: [gpu, hardware], utilization: meta.number("engine_effective.gpu_memory_utilization"))
    else {
      throw ProfileImportError(
        "\(path): the memory of GPU \"\(gpu)\" is not known; expected --memory-gib or --kv-tokens")
    }
    kvCapacityTokens = memory.kvTokens(
      gpus: tensorParallel, weightBytes: dimensions.parameters * weightBytes, kvBytesPerToken: kvBytesPerToken)
    guard kvCapacityTokens > 0 else {
      throw ProfileImportError(
        "\(path): \(dimensions.parameters) parameters leave no KV cache on \(tensorParallel) x \(gpu); expected "
          + "--kv-tokens, --memory-gib or --tensor-parallel")
    }
    notes = [
      "KV capacity estimated from \(memory.bytes >> 20) MiB of memory at \(memory.utilization), less weights and "
        + "\(GPUMemory.reservedBytes >> 20) MiB; the engine's own figure is better: --kv-tokens"
    ]
  }

  // MARK: - From names

  /// The folder and those above it, nearest first.
  private static func folderNames(_ path: String) -> [String] {
    let absolute = realpath(path, nil).map { pointer in
      defer { free(pointer) }
      return String(cString: pointer)
    }
    return (absolute ?? path).split(separator: "/").suffix(nameLevels).reversed().map(String.init)
  }

  /// As in GPU/organisation/model/variant/tp1.
  private static let nameLevels = 5

  private static func tensorParallel(_ name: String) -> Int? {
    guard let last = name.lowercased().split(separator: "-").last, last.hasPrefix("tp"),
      let value = Int(last.dropFirst(2)), (1...tensorParallelMax).contains(value)
    else { return nil }
    return value
  }

  /// The folder above the model's, or above the organisation's.
  private static func hardwareName(_ names: [String]) -> String {
    if let known = names.first(where: { GPUMemory.bytes([$0]) != nil }) { return known }
    guard let model = names.firstIndex(where: { ModelDimensions.known($0) != nil }), model + 1 < names.count else {
      return "gpu"
    }
    return names[model + 1]
  }

  // MARK: - The model

  private static func dimensions(
    _ path: String, _ names: [String], _ meta: KernelMeta, _ options: ProfileImportOptions
  ) throws(ProfileImportError) -> ModelDimensions {
    let name = options.model ?? meta.text("model")
    if let configPath = options.modelConfig {
      let bytes = try fileBytes(configPath)
      return adjusted(try ModelDimensions.decode(bytes: bytes, path: configPath, id: name.map(id)), options)
    }
    // A name that is given is the model's; without one, the folders' names may be.
    let known = name.map { ModelDimensions.known($0) } ?? names.lazy.compactMap { ModelDimensions.known($0) }.first
    if let known { return adjusted(known, options) }
    let found = name ?? names.first ?? "?"
    guard options.layers != nil, options.parameters != nil || options.kvTokens != nil,
      options.kvBytesPerToken != nil
    else {
      throw ProfileImportError(
        "\(path): the shape of model \"\(found)\" is not known; expected --model with one of "
          + "\(ModelDimensions.known.map(\.id).joined(separator: ", ")), or --model-config config.json, or --layers, "
          + "--parameters and --kv-bytes-per-token")
    }
    return adjusted(
      ModelDimensions(
        id: id(found), layers: 1, hidden: 0, feedForward: 0, heads: 0, kvHeads: 0, vocabulary: 0,
        length: unknownLength), options)
  }

  private static func adjusted(_ known: ModelDimensions, _ options: ProfileImportOptions) -> ModelDimensions {
    var dimensions = known
    if let layers = options.layers { dimensions.layers = layers }
    if let parameters = options.parameters { dimensions.parameters = parameters }
    if let length = options.length { dimensions.length = length }
    return dimensions
  }

  private static func id(_ name: String) -> String {
    name.split(separator: "/").last.map { $0.lowercased() } ?? name
  }

  private static func fileBytes(_ path: String) throws(ProfileImportError) -> [UInt8] {
    do throws(WorkloadError) {
      let reader = try LineReader(path)
      var bytes: [UInt8] = []
      while let line = try reader.next() {
        bytes += Array(line.utf8) + [UInt8(ascii: "\n")]
        guard bytes.count <= LineReader.lineMax else { throw reader.malformed("more than \(LineReader.lineMax) bytes") }
      }
      return bytes
    } catch { throw ProfileImportError(error) }
  }

  // MARK: - The profile

  func profile(time: IterationTimeModel, source: String) -> GPUProfile {
    let suffix = tensorParallel > 1 ? "-tp\(tensorParallel)" : ""
    return GPUProfile(
      name: options.name ?? "\(hardware.lowercased().replacing(" ", with: "-"))-\(dimensions.id)\(suffix)",
      description: "\(gpu), \(dimensions.id), \(tensorParallel == 1 ? "one GPU" : "\(tensorParallel) GPUs").",
      source: source, gpu: gpu, modelID: dimensions.id, parameters: dimensions.parameters,
      kvBytesPerToken: kvBytesPerToken, tensorParallel: tensorParallel, kvCapacityTokens: kvCapacityTokens,
      kvBlockTokens: meta.integer("engine_effective.block_size") ?? GPUMemory.blockTokens,
      stepTokens: options.stepTokens ?? limit("max_num_batched_tokens") ?? Self.stepTokens,
      sequences: options.sequences ?? limit("max_num_seqs") ?? Self.sequences, length: dimensions.length, time: time)
  }

  /// Of a measured run beside the kernels, else of the engine that was profiled.
  private func limit(_ name: String) -> Int? {
    meta.integer("run.\(name)") ?? meta.integer("engine_effective.\(name)")
  }
}
