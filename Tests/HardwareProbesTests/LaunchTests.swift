import Foundation
import SchedulerCore
import Synchronization
import Testing

@testable import HardwareProbes

@Suite struct LaunchTests {
  /// Two nodes of two CPUs with a GPU each.
  private func machine(uuids: Bool = true) -> MachineTopology {
    let cpus = [IDList([0, 1]), IDList([2, 3])]
    return MachineTopology(
      allowedCPUs: IDList(0..<4),
      nodes: (0..<2).map {
        .init(
          osIndex: $0, kind: .dram, memoryBytes: 100, cpus: cpus[$0], nearCPUs: cpus[$0], isAllowed: true,
          distances: $0 == 0 ? [10, 20] : [20, 10])
      }, cores: (0..<4).map { .init(package: $0 / 2, cpus: IDList([$0])) },
      devices: (0..<2).map {
        .init(
          busID: "0000:0\($0):00.0", kind: .gpu, uuid: uuids ? "GPU-0000000\($0)-aa" : nil, numaNodes: [$0],
          isLocalityKnown: true, cpus: cpus[$0])
      }, links: [])
  }

  private func plan(
    _ names: [String], list: String? = nil, order: String? = nil, uuids: Bool = true
  ) throws -> LaunchPlan {
    try LaunchPlan.make(
      machine(uuids: uuids), gpus: names, visible: VisibleGPUs(list: list, order: order), isMemoryStrict: false,
      freeBytes: [:])
  }

  @Test func oneGPUIsOneNode() throws {
    let plan = try plan(["1"])
    #expect(plan.cpus.description == "2-3")
    #expect(plan.memoryNode == 1)
    #expect(plan.environment.map(\.name) == ["CUDA_VISIBLE_DEVICES"])
    #expect(plan.environment.map(\.value) == ["GPU-00000001-aa"])
  }

  @Test func withoutUUIDsThePositionIsMadeSafe() throws {
    let plan = try plan(["0000:01:00.0"], uuids: false)
    #expect(plan.environment.map(\.name) == ["CUDA_DEVICE_ORDER", "CUDA_VISIBLE_DEVICES"])
    #expect(plan.environment.map(\.value) == ["PCI_BUS_ID", "1"])
  }

  @Test func severalNodesKeepMemoryFree() throws {
    let plan = try plan(["0", "1"])
    #expect(plan.memoryNode == nil)
    #expect(plan.cpus.count == 3, "one core is left for the system")
    #expect(plan.notes.contains { $0.contains("different nodes") })
  }

  @Test func theEnvironmentIsHonouredByUUID() throws {
    #expect(try plan([], list: "GPU-00000001").gpus.map(\.busID) == ["0000:01:00.0"])
    #expect(try plan([], list: "GPU-00000001").notes.isEmpty)
    #expect(try plan([], list: "1, 0").gpus.map(\.busID) == ["0000:01:00.0", "0000:00:00.0"])
    #expect(try plan([], list: "1").notes.contains { $0.contains("CUDA's own order") })
    #expect(try plan([], list: "1", order: "PCI_BUS_ID").notes.isEmpty)
    // CUDA stops at the first entry that is no device.
    #expect(try plan([], list: "0,-1,1").gpus.map(\.busID) == ["0000:00:00.0"])
    #expect(try plan([], list: "").gpus.isEmpty)
    #expect(try plan([], list: "").cpus.isEmpty)
    #expect(try plan([]).gpus.count == 2)
    #expect(try plan([], list: "1").environment.isEmpty, "what the user set stays")
  }

  @Test func aKernelThatMovesPagesIsNamed() throws {
    let visible = VisibleGPUs(list: nil, order: nil)
    let plan = try LaunchPlan.make(
      machine(), gpus: ["1"], visible: visible, isMemoryStrict: false, freeBytes: [:], isBalanced: true)
    #expect(plan.notes.contains { $0.contains("numa_balancing") })
    #expect(try !self.plan(["1"]).notes.contains { $0.contains("numa_balancing") })
  }

  @Test func anUnknownGPUIsAnError() {
    #expect(throws: GPUSelection.Unknown.self) { _ = try plan(["7"]) }
  }

  @Test func aMachineThatCannotBeReadStillServes() {
    #expect(LaunchPlan.unbound(gpus: [], because: "x")?.environment.isEmpty == true)
    #expect(LaunchPlan.unbound(gpus: ["GPU-1", "GPU-2"], because: "x")?.environment.map(\.value) == ["GPU-1,GPU-2"])
    #expect(LaunchPlan.unbound(gpus: ["3"], because: "x")?.environment.map(\.value) == ["PCI_BUS_ID", "3"])
    #expect(LaunchPlan.unbound(gpus: ["0000:17:00.0"], because: "x") == nil)
  }

  @Test func theKernelConfirmsABinding() throws {
    let before = try #require(ProcessBinding.cpus())
    let last = try #require(before.ids.last)
    let plan = LaunchPlan(
      gpus: [], cpus: IDList([last]), memoryNode: nil, isMemoryStrict: false, environment: [], notes: [])
    let outcomes = onThread {
      ProcessBinding.apply(plan) + [.init(isApplied: true, text: "\(ProcessBinding.cpus() ?? IDList())")]
    }
    #expect(!outcomes.contains { !$0.isApplied })
    #expect(outcomes.last?.text == "\(last)")
    #expect(ProcessBinding.cpus() == before, "only that thread was bound")
  }

  @Test func whatTheKernelRefusesIsSaid() {
    let plan = LaunchPlan(
      gpus: [], cpus: IDList([60_000]), memoryNode: 1_000, isMemoryStrict: true, environment: [], notes: [])
    let outcomes = onThread { ProcessBinding.apply(plan) }
    #expect(outcomes.map(\.isApplied) == [false, false])
    #expect(outcomes[0].text.contains("60000") && outcomes[1].text.contains("node 1000"))
  }

  /// A thread of its own: bindings belong to threads, and those of the tests are used again.
  private func onThread(_ body: @escaping @Sendable () -> [ProcessBinding.Outcome]) -> [ProcessBinding.Outcome] {
    let box = Box()
    let done = DispatchSemaphore(value: 0)
    Thread.detachNewThread {
      box.outcomes.withLock { $0 = body() }
      done.signal()
    }
    done.wait()
    return box.outcomes.withLock { $0 }
  }

  private final class Box: Sendable {
    let outcomes = Mutex<[ProcessBinding.Outcome]>([])
  }
}
