import ArgumentParser
import SchedulerCore
import Simulator

struct ProfileImportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "import", abstract: "Make a profile of a folder of measured kernel times.",
    discussion: """
      The folder holds attention.csv, dense.csv, per_sequence.csv (each may end in .gz) and meta.yaml, as LLMServingSim's
      profiler for vLLM leaves them for one GPU, model and degree of tensor parallelism. Times of iterations are put
      together from the kernels, the roofline and the linear form are fitted, and the errors on samples that the fit did
      not see are printed. Dense transformers only.

      A .csv file is read as Splitwise's table of prompt and token times and becomes a profile that interpolates in it.

      EXAMPLES
        coxswain profile import perf/RTX4090/llama-3.1-8b-bf16-tp1 -o rtx4090.json
        coxswain profile import measured/qwen3-32b-bf16-tp2 --memory-gib 96 -o qwen.json
        coxswain profile import measured/new --model-config config.json --kv-tokens 41408 > new.json
        coxswain profile import perf_model.csv --model llama2-70b --gpu h100-80gb --tensor-parallel 4 -o split.json
      """)

  @Argument(help: ArgumentHelp("Folder with measurements, or Splitwise's .csv.", valueName: "folder")) var folder:
    String
  @Option(
    name: [.customShort("o"), .customLong("output")],
    help: ArgumentHelp("File for the profile; default: standard output.", valueName: "file"))
  var output: String?
  @Option(help: ArgumentHelp("Name of the profile.", valueName: "name")) var name: String?
  @Option(help: ArgumentHelp("GPU, in place of what meta.yaml says.", valueName: "name")) var gpu: String?
  @Option(help: ArgumentHelp("Model, in place of what meta.yaml says.", valueName: "name")) var model: String?
  @Option(help: ArgumentHelp("The model's own config.json.", valueName: "file")) var modelConfig: String?
  @Option(help: ArgumentHelp("Transformer layers.", valueName: "n")) var layers: Int?
  @Option(help: ArgumentHelp("Weights of the model.", valueName: "n")) var parameters: Int?
  @Option(help: ArgumentHelp("KV bytes of one token in all layers.", valueName: "n")) var kvBytesPerToken: Int?
  @Option(help: ArgumentHelp("GPUs that share the model; default: the folder's tp<n>.", valueName: "n"))
  var tensorParallel: Int?
  @Option(help: ArgumentHelp("KV cache in tokens, as the engine reports it.", valueName: "n")) var kvTokens: Int?
  @Option(help: ArgumentHelp("Memory of one GPU.", valueName: "x")) var memoryGib: Double?
  @Option(help: ArgumentHelp("Share of the memory that the engine takes.", valueName: "x"))
  var memoryUtilization: Double?
  @Option(help: ArgumentHelp("Tokens in one iteration.", valueName: "n")) var stepTokens: Int?
  @Option(help: ArgumentHelp("Requests running at once.", valueName: "n")) var sequences: Int?
  @Option(help: ArgumentHelp("Prompt and output of one request.", valueName: "n")) var length: Int?
  @Option(help: ArgumentHelp("The engine's own time per step.", valueName: "x")) var engineOverheadMs: Double?
  @Option(help: "Form of the time model.") var form: Form = .roofline

  enum Form: String, CaseIterable, ExpressibleByArgument {
    case linear, roofline

    var core: IterationTimeModel.Form { self == .linear ? .linear : .roofline }
  }

  static let countMax = 1 << 31
  static let memoryGibMax = 65_536.0

  func validate() throws {
    let counts = [
      ("--layers", layers, 10_000), ("--parameters", parameters, Int.max), ("--kv-tokens", kvTokens, Int.max),
      ("--kv-bytes-per-token", kvBytesPerToken, Self.countMax), ("--step-tokens", stepTokens, 1 << 24),
      ("--sequences", sequences, Self.countMax), ("--length", length, Self.countMax),
      ("--tensor-parallel", tensorParallel, ProfileImport.tensorParallelMax),
    ]
    for (name, value, most) in counts {
      if let value, !(1...most).contains(value) {
        throw ValidationError("\(name) \(value): expected from 1 to \(most)")
      }
    }
    if let memoryGib, !(memoryGib > 0 && memoryGib <= Self.memoryGibMax) {
      throw ValidationError("--memory-gib \(memoryGib): expected more than 0, at most \(Self.memoryGibMax)")
    }
    if let memoryUtilization, !(memoryUtilization > 0 && memoryUtilization <= 1) {
      throw ValidationError("--memory-utilization \(memoryUtilization): expected more than 0, at most 1")
    }
    if let engineOverheadMs, !EngineLimitOptions.overheadRangeMs.contains(engineOverheadMs) {
      throw ValidationError("--engine-overhead-ms \(engineOverheadMs): expected \(EngineLimitOptions.overheadRangeMs)")
    }
  }

  func run() throws {
    let (profile, table) = try imported()
    let text = profile.json.pretty() + "\n"
    if let output {
      try OutputFile.write(text, to: output)
      try StandardOutput.line(table)
      StandardError.line("profile: \(output)")
    } else {
      try StandardOutput.write(text)
      StandardError.line(table)
    }
  }

  private func imported() throws(CommandFailure) -> (GPUProfile, String) {
    do throws(ProfileImportError) {
      if folder.hasSuffix(".csv") || folder.hasSuffix(".csv.gz") {
        let imported = try SplitwiseImport(path: folder, options: options)
        return (imported.profile, imported.table)
      }
      let imported = try ProfileImport(folder: folder, options: options)
      return (imported.profile, imported.table)
    } catch { throw CommandFailure(.failed, error.description) }
  }

  private var options: ProfileImportOptions {
    var options = ProfileImportOptions()
    options.name = name
    options.gpu = gpu
    options.model = model
    options.modelConfig = modelConfig
    options.layers = layers
    options.parameters = parameters
    options.kvBytesPerToken = kvBytesPerToken
    options.tensorParallel = tensorParallel
    options.kvTokens = kvTokens
    options.memoryGiB = memoryGib
    options.memoryUtilization = memoryUtilization
    options.stepTokens = stepTokens
    options.sequences = sequences
    options.length = length
    if let engineOverheadMs { options.overheadUs = Int(engineOverheadMs * 1000 + 0.5) }
    options.form = form.core
    return options
  }
}
