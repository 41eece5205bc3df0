import ArgumentParser
import HardwareProbes
import WireProtocol

struct TopologyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "topology", abstract: "Packages, NUMA nodes, caches and devices, and what is near to what.",
    discussion: """
      The sidecar is asked; if none was named and none runs, this process looks by itself. --from reads a machine that
      was stored with hwloc's lstopo or by NCCL, --synthetic one that hwloc's notation describes.

      EXAMPLES
        coxswain topology
        coxswain topology --from node7.xml
        coxswain topology --synthetic 'pack:2 [numa(memory=68719476736)] l3:1 core:16 pu:2'
        coxswain topology -o json
      """)

  @Option(help: ArgumentHelp("File of another machine: hwloc XML or NCCL topology.", valueName: "xml"))
  var from: String?
  @Option(help: ArgumentHelp("Another machine in hwloc's synthetic notation.", valueName: "text"))
  var synthetic: String?
  @OptionGroup var machine: MachineOptions
  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions

  func validate() throws {
    guard from == nil || synthetic == nil else { throw ValidationError("--from and --synthetic exclude each other") }
  }

  func run() throws {
    let topology = try document()
    if output.isJSON { return try StandardOutput.document(topology) }
    try StandardOutput.write(renderTopology(topology, width: Terminal.output.width))
  }

  private func document() throws(CommandFailure) -> JSONValue {
    if let synthetic { return try LocalMachine.topology(fromSynthetic: synthetic) }
    if let from { return try LocalMachine.topology(fromXML: from) }
    return try machine.document(.topology, connection) { () throws(CommandFailure) in try LocalMachine.topology() }
  }
}
