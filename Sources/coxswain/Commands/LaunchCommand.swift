import ArgumentParser
import Glibc
import HardwareProbes
import SchedulerCore
import WireProtocol

struct LaunchCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "launch", abstract: "Starts a model server on the CPUs and the memory near its GPUs.",
    discussion: """
      The binding is applied to this process, which then becomes COMMAND: same process number, same signals, same
      standard streams. What cannot be bound is said and left alone; the server starts in any case. Without --gpu the
      GPUs of CUDA_VISIBLE_DEVICES (AMD: ROCR_VISIBLE_DEVICES, HIP_VISIBLE_DEVICES) are taken, or all. With --gpu these
      variables are set, by UUID. A part of a divided GPU (MIG) is named by its UUID.

      EXAMPLES
        coxswain launch --gpu 0 -- vllm serve meta-llama/Llama-3.1-8B-Instruct
        coxswain launch --gpu 0000:17:00.0 --dry-run -- python server.py
        coxswain launch --gpu MIG-6a1d4b02-0c3e-5d7f-8a9b-1c2d3e4f5a6b -- vllm serve Qwen/Qwen3-0.6B
        CUDA_VISIBLE_DEVICES=GPU-5f1c coxswain launch -- ./llama-server -m model.gguf
      """)

  @Option(help: ArgumentHelp("GPU to be near to: position, PCI address or UUID. May be repeated.", valueName: "gpu"))
  var gpu: [String] = []
  @Option(help: ArgumentHelp("Take the machine from this file instead of looking.", valueName: "xml"))
  var topology: String?
  @Flag(help: "Take memory of the node only; without it, of the node first.") var strictMemory = false
  @Flag(help: "Print what would be done, and do nothing.") var dryRun = false
  @Flag(help: "Say only what could not be done.") var quiet = false
  @OptionGroup var output: OutputOptions
  @Argument(parsing: .postTerminator, help: "The server and its arguments.") var command: [String] = []

  func validate() throws {
    guard dryRun || !command.isEmpty else { throw ValidationError("expected -- COMMAND") }
    guard !output.isJSON || dryRun else { throw ValidationError("-o json: only with --dry-run") }
  }

  func run() throws {
    let plan = try plan()
    if dryRun {
      return output.isJSON ? try StandardOutput.document(plan.json) : try StandardOutput.line(plan.text)
    }
    for note in plan.notes { say(note, isFailure: false) }
    for outcome in ProcessBinding.apply(plan) { say(outcome.text, isFailure: !outcome.isApplied) }
    for variable in plan.environment { setenv(variable.name, variable.value, 1) }
    throw start()
  }

  private func say(_ text: String, isFailure: Bool) {
    if isFailure || !quiet { StandardError.line("coxswain launch: \(text)") }
  }

  /// A machine that cannot be read is no reason not to serve.
  private func plan() throws(CommandFailure) -> LaunchPlan {
    let machine: MachineTopology
    do throws(ProbeFailure) { machine = identified(try readMachine()) } catch {
      guard topology == nil, let unbound = LaunchPlan.unbound(gpus: gpu, because: error.description) else {
        throw CommandFailure(.failed, error.description)
      }
      return unbound
    }
    do throws(GPUSelection.Unknown) {
      return try LaunchPlan.make(
        machine, gpus: gpu, visible: Self.visible, isMemoryStrict: strictMemory, freeBytes: NodeHeadroom.freeBytes(),
        isBalanced: NodeHeadroom.isBalanced())
    } catch {
      throw CommandFailure(.usage, "--gpu: \(error)")
    }
  }

  private func readMachine() throws(ProbeFailure) -> MachineTopology {
    guard let topology else { return try TopologyDocument.ofThisMachine().topology }
    var machine = try TopologyDocument.load(fromXML: topology).topology
    // What a file says is allowed was allowed to somebody else.
    if let cpus = ProcessBinding.cpus() { machine.allowedCPUs = machine.allowedCPUs.intersection(cpus) }
    if let nodes = NodeHeadroom.allowedNodes() {
      for index in machine.nodes.indices where !nodes.contains(machine.nodes[index].osIndex) {
        machine.nodes[index].isAllowed = false
      }
    }
    return machine
  }

  /// The drivers are asked only for a name that nothing else explains: one that hangs takes its time.
  private func identified(_ machine: MachineTopology) -> MachineTopology {
    let names = gpu.isEmpty ? Self.visible.names : gpu
    let unknown = names.first { name in
      name.contains("-") && (try? GPUSelection.find(name, in: machine.gpus)) == nil
    }
    guard unknown != nil else { return machine }
    do throws(ProbeFailure) { return try GPUIdentities.ofThisMachine().added(to: machine) } catch {
      say("the GPU drivers cannot be asked for UUIDs: \(error)", isFailure: true)
      return machine
    }
  }

  private static var visible: VisibleGPUs {
    func value(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }
    return VisibleGPUs(
      list: value("CUDA_VISIBLE_DEVICES"), order: value("CUDA_DEVICE_ORDER"), rocr: value("ROCR_VISIBLE_DEVICES"),
      hip: value("HIP_VISIBLE_DEVICES"))
  }

  /// Becomes the command. Returns only if that failed.
  private func start() -> CommandFailure {
    // This program ignores it; the server expects the usual.
    signal(SIGPIPE, SIG_DFL)
    var arguments: [UnsafeMutablePointer<CChar>?] = command.map { strdup($0) }
    arguments.append(nil)
    execvp(command[0], arguments)
    let code = errno
    for argument in arguments { free(argument) }
    return CommandFailure(.failed, "\(command[0]): \(String(cString: strerror(code)))")
  }
}
