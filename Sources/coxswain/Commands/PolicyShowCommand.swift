import ArgumentParser
import Policy
import SchedulerCore
import WireProtocol

struct PolicyShowCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "show", abstract: "Show the policy that the sidecar follows, or a preset or file by name.",
    discussion: """
      Every member is shown, those too that a file leaves to its preset. What they mean: coxswain schema policy

      EXAMPLES
        coxswain policy show              the running sidecar's policy
        coxswain policy show --presets    the presets, those for a need first
        coxswain policy show --registry   every rule that a policy can name, its source and its cost
        coxswain policy show vllm-v1 -o json > policy.json
        coxswain policy show policy.json --model llama-3.1-8b
      """)

  @Argument(help: ArgumentHelp("Preset or file; without one, the running sidecar is asked.", valueName: "policy"))
  var policy: String?
  @Option(help: ArgumentHelp("As it holds for an engine that serves this model.", valueName: "name"))
  var model: String?
  @Flag(help: "List the presets.") var presets = false
  @Flag(help: "List every rule that a policy can name, with its source, stability and cost per step.")
  var registry = false
  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions

  func run() throws {
    if presets { return try listPresets() }
    if registry { return try listRegistry() }
    guard let policy else { return try showRunning() }
    let document = try PolicyArgument.load(policy)
    if output.isJSON { return try StandardOutput.document(shown(document).effective) }
    try StandardOutput.write(PolicyText.text(shown(document)))
  }

  private func showRunning() throws {
    let client = try connection.connectToAdmin()
    let reply = try client.answer(to: .policyGet, timeoutUs: connection.timeoutUs)
    if output.isJSON { return try StandardOutput.document(reply) }
    try StandardOutput.line("generation: \(reply["generation"]?.integerValue ?? 0)")
    let policy = reply["policy"] ?? [:]
    // A newer sidecar may know members that this executable does not.
    guard let document = try? PolicyDocument.decode(policy) else { return try StandardOutput.document(policy) }
    try StandardOutput.write(PolicyText.text(shown(document)) + Self.nextStep(document.config.name))
  }

  private func shown(_ document: PolicyDocument) -> PolicyDocument {
    model.map { document.tailored(to: $0) } ?? document
  }

  /// How to begin a file of one's own.
  private static func nextStep(_ name: String) -> String {
    let source = PolicyDocument.presetNames.contains(name) ? "show \(name) -o json" : "show -o json | jq .effective"
    return "\nchange it: coxswain policy \(source) > mine.json, edit, coxswain policy validate mine.json\n"
  }

  private func listPresets() throws {
    let names = PolicyDocument.presetNames
    if output.isJSON { return try StandardOutput.document(.array(names.map { .string($0) })) }
    var table = TextTable(["NEED", "PRESET", "DESCRIPTION"])
    let needs = PolicyNeed.allCases.map(\.rawValue)
    for name in needs + names.filter({ !needs.contains($0) }) {
      guard let preset = PolicyDocument.preset(name) else { continue }
      table.add([preset.need?.rawValue ?? "", name, preset.json["description"]?.stringValue ?? ""])
    }
    try StandardOutput.write(table.text)
  }

  private func listRegistry() throws {
    if output.isJSON {
      return try StandardOutput.document(
        .array(
          PolicyRegistry.all.map {
            [
              "member": .string($0.member.rawValue), "name": .string($0.name), "source": .string($0.source),
              "stability": .string($0.stability.rawValue), "per_step": .string($0.perStep),
            ]
          }))
    }
    var table = TextTable(["MEMBER", "NAME", "STABILITY", "SOURCE", "COST PER STEP"])
    for primitive in PolicyRegistry.all {
      table.add([
        primitive.member.rawValue, primitive.name, primitive.stability.rawValue, primitive.source, primitive.perStep,
      ])
    }
    try StandardOutput.write(table.text)
  }
}
