import SchedulerCore
import Testing

@testable import HardwareProbes

/// GPUs by the names of AMD's runtimes, and parts of divided ones.
@Suite struct VisibleGPUsTests {
  /// Two nodes with two GPUs each.
  private func machine(_ vendors: [MachineTopology.Device.Vendor?], uuids: Bool = true) -> MachineTopology {
    let cpus = [IDList(0..<4), IDList(4..<8)]
    return MachineTopology(
      allowedCPUs: IDList(0..<8),
      nodes: (0..<2).map {
        .init(
          osIndex: $0, kind: .dram, memoryBytes: 100, cpus: cpus[$0], nearCPUs: cpus[$0], isAllowed: true,
          distances: $0 == 0 ? [10, 20] : [20, 10])
      }, cores: (0..<8).map { .init(package: $0 / 4, cpus: IDList([$0])) },
      devices: (0..<4).map {
        .init(
          busID: "0000:0\($0):00.0", kind: .gpu, uuid: uuids ? "GPU-0000000\($0)" : nil, numaNodes: [$0 / 2],
          isLocalityKnown: true, cpus: cpus[$0 / 2], vendor: vendors[$0])
      }, links: [])
  }

  private func chosen(_ visible: VisibleGPUs, _ machine: MachineTopology) -> [String] {
    visible.resolve(machine.gpus).gpus.map { String($0.busID.dropFirst(6).prefix(1)) }
  }

  private func plan(_ names: [String], _ machine: MachineTopology) throws -> LaunchPlan {
    try LaunchPlan.make(machine, gpus: names, visible: VisibleGPUs(), isMemoryStrict: false, freeBytes: [:])
  }

  private func variables(_ plan: LaunchPlan) -> [String] { plan.environment.map { "\($0.name)=\($0.value)" } }

  @Test func theRuntimesListsCountOneAfterTheOther() {
    let amd = machine([.amd, .amd, .amd, .amd])
    #expect(chosen(VisibleGPUs(), amd) == ["0", "1", "2", "3"])
    #expect(chosen(VisibleGPUs(rocr: "2,3"), amd) == ["2", "3"])
    #expect(chosen(VisibleGPUs(rocr: "GPU-00000003,1"), amd) == ["3", "1"])
    // HIP counts among what is left.
    #expect(chosen(VisibleGPUs(rocr: "2,3", hip: "1"), amd) == ["3"])
    #expect(chosen(VisibleGPUs(hip: "1,0"), amd) == ["1", "0"])
    // CUDA's variable stands in for HIP's, and only where that is not set.
    #expect(chosen(VisibleGPUs(list: "3"), amd) == ["3"])
    #expect(chosen(VisibleGPUs(list: "3", hip: "2"), amd) == ["2"])
    #expect(chosen(VisibleGPUs(rocr: "1,9,2"), amd) == ["1"])
    #expect(chosen(VisibleGPUs(hip: ""), amd).isEmpty)
  }

  @Test func eachListIsForItsOwnMaker() {
    let mixed = machine([.nvidia, .amd, .nvidia, .amd])
    #expect(chosen(VisibleGPUs(list: "1", rocr: "0"), mixed) == ["2", "1"])
    #expect(chosen(VisibleGPUs(list: "", hip: "1"), mixed) == ["3"])
    // A processor's own graphics beside a card is no GPU of a server's; alone it is all there is.
    #expect(chosen(VisibleGPUs(list: "0"), machine([.intel, .nvidia, .nvidia, .intel])) == ["1"])
    #expect(chosen(VisibleGPUs(list: "0"), machine([.intel, .intel, .intel, .intel])).count == 4)
  }

  @Test func positionsAreWarnedAbout() {
    let amd = machine([.amd, .amd, .amd, .amd])
    #expect(VisibleGPUs(rocr: "0").resolve(amd.gpus).notes.contains { $0.contains("compute nodes") })
    #expect(VisibleGPUs(rocr: "GPU-00000000", hip: "0").resolve(amd.gpus).notes.isEmpty)
    let notes = VisibleGPUs(hip: "7").resolve(amd.gpus).notes
    #expect(notes == ["HIP_VISIBLE_DEVICES: \"7\" is no GPU of this machine; the list ends there"])
  }

  @Test func amdGPUsAreMadeVisibleInTheirOwnWay() throws {
    let amd = machine([.amd, .amd, .amd, .amd])
    let byUUID = try plan(["3", "0000:02:00.0"], amd)
    #expect(
      variables(byUUID) == [
        "ROCR_VISIBLE_DEVICES=GPU-00000003,GPU-00000002", "HIP_VISIBLE_DEVICES=0,1", "CUDA_VISIBLE_DEVICES=0,1",
      ])
    #expect(byUUID.memoryNode == 1)
    let byPosition = try plan(["3"], machine([.nvidia, .amd, .amd, .amd], uuids: false))
    #expect(
      variables(byPosition) == ["ROCR_VISIBLE_DEVICES=2", "HIP_VISIBLE_DEVICES=0", "CUDA_VISIBLE_DEVICES=0"])
  }

  @Test func aPartOfAGPUIsNearWhatTheGPUIsNear() throws {
    var machine = machine([.nvidia, .nvidia, .nvidia, .nvidia])
    let identities = GPUIdentities(
      byAddress: ["0000:03:00.0": .init(uuid: "GPU-00000003", instances: ["MIG-aaaa", "MIG-bbbb"])])
    machine = identities.added(to: machine)
    let plan = try plan(["MIG-bbbb", "MIG-aaaa", "MIG-bbbb"], machine)
    #expect(plan.gpus.map(\.busID) == ["0000:03:00.0"])
    #expect(plan.memoryNode == 1)
    #expect(variables(plan) == ["CUDA_VISIBLE_DEVICES=MIG-bbbb,MIG-aaaa"])
    #expect(chosen(VisibleGPUs(list: "MIG-aaaa"), machine) == ["3"])
    // As drivers before R470 wrote it.
    #expect(try self.plan(["MIG-GPU-00000002/3/0"], machine).gpus.map(\.busID) == ["0000:02:00.0"])
    #expect(throws: GPUSelection.Unknown.self) { _ = try self.plan(["MIG-cccc"], machine) }
    #expect(VisibleGPUs(list: "MIG-aaaa,1", rocr: "", hip: "GPU-1").names == ["MIG-aaaa", "GPU-1"])
  }

  @Test func driversTellWhatTheKernelDoesNot() {
    let identities = GPUIdentities(byAddress: ["0000:01:00.0": .init(uuid: "GPU-feed", instances: [])])
    let without = identities.added(to: machine([nil, nil, nil, nil], uuids: false))
    #expect(without.gpus.map(\.uuid) == [nil, "GPU-feed", nil, nil])
    #expect(chosen(VisibleGPUs(list: "GPU-feed"), without) == ["1"])
    let with = identities.added(to: machine([nil, nil, nil, nil]))
    #expect(with.gpus[1].uuid == "GPU-00000001", "the kernel's own answer stays")
  }
}
