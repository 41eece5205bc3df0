import Foundation
import HardwareProbes
import Testing
import WireProtocol

/// `place` and `launch` on a machine that a file describes: two nodes, one GPU near the second CPU that may be used here.
@Suite struct PlacementCommandTests {
  private let directory: TemporaryDirectory
  private let machine: String
  private let cpu: Int

  init() throws {
    directory = try TemporaryDirectory()
    cpu = try #require(ProcessBinding.cpus()?.ids.last)
    machine = try directory.file(
      "machine.xml",
      """
      <system version="1">
        <cpu numaid="0" affinity="\(Self.mask([cpu]))"><pci busid="0000:17:00.0" class="0x030200"/></cpu>
        <cpu numaid="1" affinity="\(Self.mask(cpu > 0 ? [0] : [1]))"><pci busid="0000:65:00.0" class="0x030200"/></cpu>
      </system>
      """)
  }

  /// Words of 32 bits, the highest first.
  private static func mask(_ cpus: [Int]) -> String {
    var words = [UInt32](repeating: 0, count: (cpus.max() ?? 0) / 32 + 1)
    for cpu in cpus { words[cpu / 32] |= 1 << UInt32(cpu % 32) }
    return words.reversed().map { String($0, radix: 16) }.joined(separator: ",")
  }

  @Test func placePrintsTheContract() throws {
    let json = try Executable.run(["place", "--topology", machine, "-o", "json"]).json()
    let workers = json["workers"]?.arrayValue ?? []
    #expect(workers.map { $0["numa_node"]?.integerValue } == [0, 1])
    #expect(workers[0]["bus_id"] == "0000:17:00.0")
    #expect(workers[0]["cpus"]?.stringValue == "\(cpu)")
    #expect(workers[0]["reasons"]?.arrayValue?.isEmpty == false)
    #expect(json["pairs"]?[0]?["link"] == "cross_socket")
    #expect(json["warnings"]?.arrayValue != nil)
  }

  @Test func machinesInSyntheticNotation() throws {
    let text = "pack:2 group:2 [numa(memory=1073741824)] core:2 pu:2"
    let json = try Executable.run(["place", "--synthetic", text, "--workers", "4", "-o", "json"]).json()
    #expect(json["workers"]?.arrayValue?.map { $0["numa_node"]?.integerValue } == [0, 1, 2, 3])
    #expect(try Executable.run(["topology", "--synthetic", text]).output.contains("node 3"))
    #expect(try Executable.run(["place", "--synthetic", "nonsense"]).status == 1)
    #expect(try Executable.run(["topology", "--synthetic", text, "--from", machine]).status == 64)
  }

  @Test func placePrintsFlagsOfEngines() throws {
    let vllm = try Executable.run(["place", "--topology", machine, "--for", "vllm"]).output
    #expect(vllm.hasPrefix("--numa-bind --numa-bind-nodes 0 1 --numa-bind-cpus \(cpu) "))
    let sglang = try Executable.run(["place", "--topology", machine, "--for", "sglang"]).output
    #expect(sglang == "--numa-node 0 1\n")
    // Engines count what they see: another choice or order must be made theirs.
    let one = try Executable.run(["place", "--topology", machine, "--gpu", "1", "--for", "sglang"])
    #expect(one.output == "--numa-node 1\n")
    #expect(one.errors.contains("these flags need CUDA_DEVICE_ORDER=PCI_BUS_ID CUDA_VISIBLE_DEVICES=1"))
  }

  @Test(arguments: [["--workers", "3", "--tp", "2"], ["--for", "triton"], ["--gpu", "9"], ["--tp", "0"]])
  func placeRefusesWhatMakesNoSense(_ arguments: [String]) throws {
    #expect(try Executable.run(["place", "--topology", machine] + arguments).status == 64)
  }

  @Test func aFileThatIsMissingIsNamed() throws {
    let outcome = try Executable.run(["place", "--topology", "/no/such.xml"])
    #expect(outcome.status == 1)
    #expect(outcome.errors == "coxswain: /no/such.xml: No such file or directory\n")
  }

  @Test func launchBindsWhatItBecomes() throws {
    let outcome = try Executable.run(
      ["launch", "--topology", machine, "--gpu", "0", "--", "grep", "Cpus_allowed_list", "/proc/self/status"])
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(outcome.output == "Cpus_allowed_list:\t\(cpu)\n")
    #expect(outcome.errors.contains("CPUs \(cpu), confirmed by the kernel"))
    // Containers may refuse the memory policy; then that is said.
    let isBound = outcome.errors.contains("memory of node 0 first, confirmed by the kernel")
    #expect(isBound || outcome.errors.contains("memory is not bound"))
  }

  @Test func launchKeepsTheExitCodeAndTheEnvironment() throws {
    let outcome = try Executable.run(
      [
        "launch", "--topology", machine, "--gpu", "65:00.0", "--quiet", "--", "sh", "-c",
        "echo $CUDA_VISIBLE_DEVICES; exit 7",
      ])
    #expect(outcome.status == 7)
    #expect(outcome.output == "1\n")
  }

  @Test func launchStartsEvenIfTheMachineCannotBeRead() throws {
    let outcome = try Executable.run(["launch", "--", "echo", "up"], environment: ["COXSWAIN_PROBE": "/bin/false"])
    #expect(outcome.status == 0)
    #expect(outcome.output == "up\n")
    #expect(outcome.errors.contains("nothing is bound"))
  }

  @Test func aDryRunDoesNothing() throws {
    let outcome = try Executable.run([
      "launch", "--topology", machine, "--gpu", "0", "--dry-run", "-o", "json", "--", "false",
    ])
    #expect(outcome.status == 0)
    #expect(try outcome.json()["cpus"]?.stringValue == "\(cpu)")
    #expect(try outcome.json()["environment"]?["CUDA_VISIBLE_DEVICES"] == "0")
  }

  @Test func launchNeedsACommandThatExists() throws {
    #expect(try Executable.run(["launch"]).status == 64)
    let outcome = try Executable.run(["launch", "--topology", machine, "--", "/no/such/server"])
    #expect(outcome.status == 1)
    #expect(outcome.errors.hasSuffix("coxswain: /no/such/server: No such file or directory\n"))
  }
}
