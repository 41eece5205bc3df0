import ArgumentParser
import HardwareProbes
import SchedulerCore
import WireProtocol

struct PlaceCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "place", abstract: "Where the workers of a model server should run on a machine, and why.",
    discussion: """
      Each worker gets whole cores near its GPU that this process may use, shared with nobody, and the nearest ordinary
      memory. Nothing is changed: `coxswain launch` applies a placement, --for prints flags for engines that bind
      themselves.

      EXAMPLES
        coxswain place
        coxswain place --topology node7.xml --workers 8 --tp 4
        coxswain place --synthetic 'pack:2 [numa(memory=68719476736)] l3:1 core:16 pu:2' --workers 4
        coxswain place --workers 2 --for vllm
        coxswain place --gpu 0000:17:00.0 --gpu 0000:65:00.0 -o json
      """)

  @Option(help: ArgumentHelp("File of another machine: hwloc XML or NCCL topology.", valueName: "xml"))
  var topology: String?
  @Option(help: ArgumentHelp("Another machine in hwloc's synthetic notation; it has no GPUs.", valueName: "text"))
  var synthetic: String?
  @Option(help: ArgumentHelp("Workers with one GPU each. (default: one for every GPU)", valueName: "n"))
  var workers: Int = 0
  @Option(help: ArgumentHelp("Workers that form one tensor-parallel group.", valueName: "k"))
  var tp: Int = 1
  @Option(help: ArgumentHelp("Use this GPU: position, PCI address or UUID. May be repeated.", valueName: "gpu"))
  var gpu: [String] = []
  @Option(help: ArgumentHelp("Pinned memory of one worker; nodes with less free are passed over.", valueName: "bytes"))
  var memoryBytes: Int = 0
  @Option(help: ArgumentHelp("Cores that are left for the sidecar and the system.", valueName: "n"))
  var reserveCores: Int = 1
  @Option(name: .customLong("for"), help: "Print only the flags with which this engine binds itself: vllm or sglang.")
  var engine: String?
  @OptionGroup var output: OutputOptions

  func validate() throws {
    let limit = NodePlacementRequest.workersMax
    guard (0...limit).contains(workers) else { throw ValidationError("--workers: expected 0 to \(limit)") }
    guard (1...limit).contains(tp) else { throw ValidationError("--tp: expected 1 to \(limit)") }
    guard workers == 0 || workers.isMultiple(of: tp) else {
      throw ValidationError("--workers: expected a multiple of --tp \(tp)")
    }
    guard topology == nil || synthetic == nil else {
      throw ValidationError("--topology and --synthetic exclude each other")
    }
    guard memoryBytes >= 0, reserveCores >= 0 else { throw ValidationError("expected no negative numbers") }
    guard engine == nil || EngineFlags(rawValue: engine ?? "") != nil else {
      throw ValidationError("--for: expected one of " + EngineFlags.allCases.map(\.rawValue).joined(separator: ", "))
    }
  }

  func run() throws {
    let machine = try machine()
    let placement = NodePlacer.place(machine, try request(machine))
    if let engine = engine.flatMap({ EngineFlags(rawValue: $0) }) { return try print(engine, placement, machine) }
    if output.isJSON { return try StandardOutput.document(placement.json) }
    try StandardOutput.write(renderPlacement(placement, width: Terminal.output.width))
  }

  private func machine() throws(CommandFailure) -> MachineTopology {
    do throws(ProbeFailure) {
      if let synthetic { return try TopologyDocument.load(fromSynthetic: synthetic).topology }
      if let topology { return try TopologyDocument.load(fromXML: topology).topology }
      return try TopologyDocument.ofThisMachine().topology
    } catch {
      throw CommandFailure(.failed, error.description)
    }
  }

  private func request(_ machine: MachineTopology) throws(CommandFailure) -> NodePlacementRequest {
    var request = NodePlacementRequest(
      workers: workers, groupSize: tp, reservedCores: reserveCores, memoryBytes: memoryBytes)
    for name in gpu {
      do throws(GPUSelection.Unknown) {
        request.gpus.append(try GPUSelection.find(name, in: machine.gpus).busID)
      } catch {
        throw CommandFailure(.usage, "--gpu: \(error)")
      }
    }
    if topology == nil, synthetic == nil { request.freeBytes = NodeHeadroom.freeBytes() }
    return request
  }

  private func print(
    _ engine: EngineFlags, _ placement: NodePlacement, _ machine: MachineTopology
  ) throws(CommandFailure) {
    // On standard error: the flags alone go into the engine's command line.
    if let variables = EngineFlags.environment(placement, among: machine.gpus) {
      StandardError.line("coxswain place: these flags need \(variables)")
    }
    switch engine.text(placement) {
    case .success(let flags): try StandardOutput.line(flags)
    case .failure(let reason): throw CommandFailure(.failed, "no flags for \(engine.rawValue): \(reason)")
    }
  }
}
