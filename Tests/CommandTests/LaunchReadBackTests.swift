import Foundation
import HardwareProbes
import Testing

/// What the kernel has for the program that `launch` became: asked by the program itself, and read from its maps.
@Suite(.enabled(if: DriverDouble.isAvailable, "needs a C compiler"))
struct LaunchReadBackTests {
  private let directory: TemporaryDirectory
  private let machine: String
  private let asking: String
  private let cpus: [Int]

  init() throws {
    directory = try TemporaryDirectory()
    cpus = try #require(ProcessBinding.cpus()).ids
    // One node with all CPUs that may be used, and another whose CPUs nobody has.
    let words = Self.mask(cpus)
    machine = try directory.file(
      "machine.xml",
      """
      <system version="1">
        <cpu numaid="0" affinity="\(words)"><pci busid="0000:17:00.0" class="0x030200"/></cpu>
        <cpu numaid="1" affinity="\(Self.mask([4_000]))"><pci busid="0000:65:00.0" class="0x030200"/></cpu>
      </system>
      """)
    asking = directory.path + "/policy"
    let source = URL(filePath: #filePath).resolvingSymlinksInPath().deletingLastPathComponent()
      .deletingLastPathComponent().appending(path: "CShim/policy.c").path
    let compiler = try #require(
      ["/usr/bin/cc", "/usr/bin/gcc", "/usr/bin/clang"].first {
        FileManager.default.isExecutableFile(atPath: $0)
      })
    let process = try Executable.process(program: compiler, ["-o", asking, source])
    try process.run()
    process.waitUntilExit()
    try #require(process.terminationStatus == 0)
  }

  private static func mask(_ cpus: [Int]) -> String {
    var words = [UInt32](repeating: 0, count: (cpus.max() ?? 0) / 32 + 1)
    for cpu in cpus { words[cpu / 32] |= 1 << UInt32(cpu % 32) }
    return words.reversed().map { String($0, radix: 16) }.joined(separator: ",")
  }

  /// Kernel's numbers of the policies.
  private static let preferred = 1
  private static let bind = 2

  /// Whether this process may set memory policies; containers often may not.
  private var isSettable: Bool {
    (try? Executable.run(["snapshot", "--local", "-o", "json"]).json()["numa"]?["memory_policy_settable"]?["value"])
      == true
  }

  @Test func theKernelHasWhatWasAskedFor() throws {
    let outcome = try Executable.run(["launch", "--topology", machine, "--gpu", "0", "--", asking])
    #expect(outcome.status == 0, "\(outcome.errors)")
    let lines = outcome.output.split(separator: "\n").map(String.init)
    // One core is left to the system where there is more than one.
    let bound = lines[0].dropFirst("cpus ".count).split(separator: ",").compactMap { Int($0) }
    #expect(!bound.isEmpty && Set(bound).isSubset(of: Set(cpus)))
    #expect(outcome.errors.contains("CPUs \(listText(bound)), confirmed by the kernel"))
    #expect(lines[1] == (isSettable ? "mode \(Self.preferred) nodes 0" : "mode 0 nodes"))
  }

  @Test func strictMemoryIsABinding() throws {
    let outcome = try Executable.run(
      ["launch", "--topology", machine, "--gpu", "0", "--strict-memory", "--", asking])
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(outcome.output.contains(isSettable ? "mode \(Self.bind) nodes 0" : "mode 0 nodes"))
  }

  @Test(.enabled(if: access("/proc/self/numa_maps", R_OK) == 0, "the kernel has no NUMA maps"))
  func theMapsOfTheProgramFollowThePolicy() throws {
    let outcome = try Executable.run(
      ["launch", "--topology", machine, "--gpu", "0", "--", "cat", "/proc/self/numa_maps"])
    let policies = Set(outcome.output.split(separator: "\n").compactMap { $0.split(separator: " ").dropFirst().first })
    #expect(policies == [isSettable ? "prefer:0" : "default"])
  }

  @Test func anAffinityThatIsNarrowerStays() throws {
    let last = try #require(cpus.last)
    let outcome = try Executable.shell(
      "taskset -c \(last) \"$COXSWAIN\" launch --topology '\(machine)' --gpu 0 -- '\(asking)'")
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(outcome.output.hasPrefix("cpus \(last)\n"))
  }

  @Test(.enabled(if: CPUSet.isAvailable, "needs a cpuset cgroup that may be divided"))
  func aRestrictedCPUSetIsKept() throws {
    let last = try #require(cpus.last)
    let set = try CPUSet(cpus: "\(last)", nodes: "0")
    let outcome = try Executable.shell(
      "echo $$ > '\(set.path)/cgroup.procs' && \"$COXSWAIN\" launch --topology '\(machine)' --gpu 0 -- '\(asking)'")
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(outcome.output.hasPrefix("cpus \(last)\n"))
    #expect(outcome.errors.contains("CPUs \(last), confirmed by the kernel"))
    // The whole path without a file: this machine as it is, within the set.
    let native = try Executable.shell(
      "echo $$ > '\(set.path)/cgroup.procs' && \"$COXSWAIN\" launch -- '\(asking)'")
    #expect(native.output.hasPrefix("cpus \(last)\n"), "\(native.errors)")
    let placed = try Executable.shell(
      "echo $$ > '\(set.path)/cgroup.procs' && \"$COXSWAIN\" place --workers 1 --reserve-cores 0 -o json")
    #expect(try placed.json()["workers"]?[0]?["cpus"]?.stringValue == "\(last)")
  }

  /// A GPU near a node that this process may not allocate on: the nearest that it may.
  @Test func aNodeThatIsBarredHoldsNoMemory() throws {
    let outcome = try Executable.run(["launch", "--topology", machine, "--gpu", "1", "--", asking])
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(outcome.output.contains(isSettable ? "mode \(Self.preferred) nodes 0" : "mode 0 nodes"))
  }

  /// A part of a divided GPU is named by its UUID, which only the driver knows.
  @Test func aPartOfADividedGPUIsFound() throws {
    let driver = try DriverDouble(mood: "mig")
    let parts = try directory.file(
      "parts.xml", try String(contentsOfFile: machine, encoding: .utf8).replacing("0000:17:00.0", with: "0000:13:00.0"))
    let outcome = try Executable.run(
      ["launch", "--topology", parts, "--gpu", "MIG-00000013", "--", "sh", "-c", "echo $CUDA_VISIBLE_DEVICES"],
      environment: driver.environment)
    #expect(outcome.output == "MIG-00000013\n", "\(outcome.errors)")
    #expect(outcome.errors.contains("confirmed by the kernel"))
    let visible = try Executable.run(
      ["launch", "--topology", parts, "--dry-run", "-o", "json"],
      environment: driver.environment.merging(["CUDA_VISIBLE_DEVICES": "MIG-00000003"]) { $1 })
    #expect(try visible.json()["gpus"]?[0]?["bus_id"] == "0000:13:00.0", "\(visible.errors)")
    #expect(try visible.json()["environment"]?.objectValue?.members.isEmpty == true)
    let unknown = try Executable.run(
      ["launch", "--topology", parts, "--gpu", "MIG-feed", "--dry-run"], environment: driver.environment)
    #expect(unknown.status == 64)
  }

  private func listText(_ ids: [Int]) -> String {
    var runs: [ClosedRange<Int>] = []
    for id in ids {
      if let last = runs.last, last.upperBound == id - 1 {
        runs[runs.count - 1] = last.lowerBound...id
      } else {
        runs.append(id...id)
      }
    }
    return runs.map { $0.count == 1 ? "\($0.lowerBound)" : "\($0.lowerBound)-\($0.upperBound)" }.joined(separator: ",")
  }
}
