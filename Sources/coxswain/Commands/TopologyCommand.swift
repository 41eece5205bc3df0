import ArgumentParser
import HardwareProbes
import WireProtocol

struct TopologyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "topology", abstract: "Packages, NUMA nodes, caches and devices, and what is near to what.",
    discussion: """
      The sidecar is asked; if none was named and none runs, this process looks by itself. --from reads a machine that
      was stored with hwloc's lstopo.

      EXAMPLES
        coxswain topology
        coxswain topology --from node7.xml
        coxswain topology -o json
      """)

  @Option(help: ArgumentHelp("hwloc XML file of another machine.", valueName: "xml")) var from: String?
  @OptionGroup var machine: MachineOptions
  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions

  func run() throws {
    let topology = try document()
    if output.isJSON { return try StandardOutput.document(topology) }
    try StandardOutput.write(renderTopology(topology, width: Terminal.output.width))
  }

  private func document() throws(CommandFailure) -> JSONValue {
    if let from { return try LocalMachine.topology(fromXML: from) }
    return try machine.document(.topology, connection) { () throws(CommandFailure) in try LocalMachine.topology() }
  }
}
