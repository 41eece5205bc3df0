import Foundation
import SchedulerCore
import Testing
import WireProtocol

@testable import HardwareProbes

/// The real helper and the real dynamic linking path, with a driver's library in all its moods.
@Suite(.enabled(if: NVMLDouble.current != nil && NVMLDouble.old != nil, "needs a C compiler"))
struct GPUTests {
  private let library = NVMLDouble.current ?? ""

  private var limits: MonitorLimits {
    var limits = MonitorLimits()
    limits.gpuIntervalMs = 100
    return limits
  }

  /// The tests' clock leaps ahead of the helper's: without deadlines it is not taken for hung.
  private var patient: MonitorLimits {
    var limits = limits
    limits.helperDeadlineMs = 10_000_000
    limits.stageDeadlinesMs = [:]
    return limits
  }

  private func stream(_ script: ProbeScript, _ limits: MonitorLimits? = nil) -> GPUStream {
    GPUStream(gpuLibrary: nil, find: { .success(script.path) }, limits: limits ?? patient, nowMs: 0)
  }

  /// Drives it at a standing clock until it said something more.
  private func hear(_ stream: inout GPUStream, nowMs: Int, until holds: (GPUStream) -> Bool = { _ in true }) throws {
    let runs = stream.runs
    try eventually("it says something") {
      stream.advance(nowMs: nowMs)
      return stream.runs > runs && holds(stream)
    }
  }

  private func tree(_ stream: GPUStream, nowMs: Int, expected: [String]? = nil) -> JSONValue {
    GPUFigures(stream: stream, expected: expected, nowMs: nowMs, limits: limits).tree.json(nowMs: nowMs)
  }

  /// The part of the snapshot after the first document.
  private func snapshot(_ mood: String, library: String? = nil, expected: [String]? = nil) throws -> JSONValue {
    var stream = stream(try NVMLDouble.helper(mood, library: library ?? self.library))
    try hear(&stream, nowMs: 100)
    return tree(stream, nowMs: 150, expected: expected)
  }

  private func leaf(_ value: JSONValue, _ status: String, _ age: JSONValue) -> JSONValue {
    ["value": value, "status": .string(status), "age_ms": age]
  }

  @Test func eightGPUs() throws {
    let gpu = try snapshot("normal")
    #expect(gpu["driver_version"] == leaf("550.1", "ok", 50))
    #expect(gpu["failure"]?["status"] == "unsupported")
    let devices = gpu["devices"]?.arrayValue ?? []
    #expect(devices.count == 8)
    #expect(devices[2]["bus_id"] == leaf("0000:12:00.0", "ok", 50))
    #expect(devices[2]["uuid"] == leaf("GPU-00000002", "ok", 50))
    #expect(devices[2]["memory_total_bytes"] == leaf(81_000, "ok", 50))
    #expect(devices[2]["utilization_percent"] == leaf(72, "ok", 50))
    #expect(devices[2]["power_mw"] == leaf(350_000, "ok", 50))
    #expect(devices[2]["mig"] == leaf(false, "ok", 50))
    // Symbols that this library does not have.
    #expect(devices[2]["temperature_celsius"] == leaf(.null, "unsupported", .null))
    #expect(
      devices[2].objectValue?.names == GPUFigures.names + GPUFigures.rareNames + [
        "to_gpu_mb_s", "from_gpu_mb_s", "quarantine", "instances",
      ])
  }

  @Test func countersErrorsAndLinks() throws {
    let device = try #require(try snapshot("normal")["devices"]?[3])
    #expect(device["power_instant_mw"] == leaf(1186, "ok", 50))
    #expect(device["pcie_tx_bytes"] == leaf(1197, "ok", 50))
    // One field of several that is not offered.
    #expect(device["pcie_rx_bytes"] == leaf(.null, "unsupported", .null))
    #expect(device["nvlink_tx_bytes"] == leaf(7168, "ok", 50))
    #expect(device["remapped_rows_corrected"] == leaf(2, "ok", 50))
    #expect(device["remapped_rows_pending"] == leaf(true, "ok", 50))
    #expect(device["recovery_action"] == leaf(1, "ok", 50))
    #expect(device["compute_processes"] == leaf(2, "ok", 50))
    #expect(device["nvlinks_active"] == leaf(4, "ok", 50))
    #expect(device["nvlink_mb_s"] == leaf(100_000, "ok", 50))
    #expect(device["cpu_affinity"] == leaf("0-7", "ok", 50))
    #expect(device["xid_last"] == leaf(0, "ok", 50))
  }

  @Test func occupancyNeedsTwoLooks() throws {
    var stream = stream(try NVMLDouble.helper("normal", library: library))
    try hear(&stream, nowMs: 0)
    #expect(tree(stream, nowMs: 0)["devices"]?[0]?["sm_occupancy_percent"]?["status"] == "unsupported")
    try hear(&stream, nowMs: 200)
    let devices = tree(stream, nowMs: 200)["devices"]
    #expect(devices?[0]?["sm_occupancy_percent"] == leaf(.number(62.5), "ok", 0))
    #expect(devices?[1]?["sm_occupancy_percent"]?["status"] == "unsupported")
    // The second look did not read what is dear: it is as old as it is.
    #expect(devices?[0]?["ecc_uncorrected"]?["status"] == "unsupported")
    #expect(devices?[0]?["compute_processes"] == leaf(2, "ok", 200))
    #expect(devices?[0]?["memory_used_bytes"] == leaf(20_000, "ok", 0))
  }

  @Test func pairsOnOneFabricAreLinks() throws {
    var stream = stream(try NVMLDouble.helper("normal", library: library))
    try hear(&stream, nowMs: 0)
    #expect(stream.links.count == 15)
    #expect(
      stream.links.first
        == MachineTopology.Link(kind: .nvlink, a: "0000:10:00.0", b: "0000:11:00.0", bandwidthMbS: 100_000))
    #expect(!stream.links.contains { $0.b == "0000:16:00.0" })
  }

  @Test func peopleSeeMemoryLoadAndPower() throws {
    let page = renderSnapshot(["gpu": try snapshot("normal")], width: 80)
    #expect(page.contains("  GPU 2     0000:12:00.0  Double 2\n"))
    #expect(page.contains("[#######.....................] 19.5 KiB of 79.1 KiB in use\n"))
    #expect(page.contains("busy 72 %, power 350 W of (unsupported), (unsupported)\n"))
  }

  @Test func anOldDriverLacksSymbols() throws {
    let devices = try snapshot("normal", library: NVMLDouble.old ?? "")["devices"]?.arrayValue ?? []
    #expect(devices[0]["memory_total_bytes"] == leaf(80_000, "ok", 50))
    for name in ["power_mw", "mig", "xid_last", "nvlink_tx_bytes", "remapped_rows_pending", "sm_occupancy_percent"] {
      #expect(devices[0][name] == leaf(.null, "unsupported", .null), "\(name)")
    }
  }

  @Test func aDividedGPUShowsItsParts() throws {
    let devices = try snapshot("mig")["devices"]?.arrayValue ?? []
    #expect(devices[0]["mig"] == leaf(true, "ok", 50))
    #expect(devices[0]["utilization_percent"] == leaf(.null, "unsupported", .null))
    #expect(devices[5]["instances"]?.arrayValue?.count == 2)
    #expect(devices[5]["instances"]?[1]?["uuid"] == leaf("MIG-00000015", "ok", 50))
    #expect(devices[5]["instances"]?[1]?["memory_total_bytes"] == leaf(10_000, "ok", 50))
  }

  @Test(arguments: [("lost", "it is lost"), ("reset", "it needs a reset")])
  func aLostGPUIsQuarantinedAndTheOthersAreNot(_ mood: String, _ why: String) throws {
    let moods = try FixtureTree(["mood": "normal"])
    let script = try NVMLDouble.helper(moodIn: moods.root.path + "/mood", library: library)
    var stream = stream(script)
    try hear(&stream, nowMs: 0)
    #expect(!stream.quarantine.hasFaults)
    try moods.write("mood", mood)
    try hear(&stream, nowMs: 1_000) { $0.quarantine.hasFaults }
    let devices = tree(stream, nowMs: 1_000)["devices"]?.arrayValue ?? []
    #expect(devices.map { $0["memory_used_bytes"]?["status"] == "lost" } == (0..<8).map { $0 == 3 })
    #expect(devices[3]["quarantine"] == leaf(.string(why), "ok", 0))
    #expect(devices[2]["quarantine"] == leaf(.null, "unsupported", .null))
    // A later enumeration finds it well.
    try moods.write("mood", "normal")
    stream.advance(nowMs: limits.gpuEnumerateIntervalMs)
    try hear(&stream, nowMs: limits.gpuEnumerateIntervalMs)
    #expect(tree(stream, nowMs: 60_000)["devices"]?[3]?["quarantine"]?["status"] == "unsupported")
  }

  @Test func xid79IsToldAtOnceAndQuarantines() throws {
    let moods = try FixtureTree(["mood": "normal"])
    let script = try NVMLDouble.helper(moodIn: moods.root.path + "/mood", library: library)
    var slow = patient
    slow.gpuIntervalMs = 600_000
    var stream = GPUStream(gpuLibrary: nil, find: { .success(script.path) }, limits: slow, nowMs: 0)
    try hear(&stream, nowMs: 0)
    try moods.write("mood", "xid")
    // The next look is minutes away: the event brings this document.
    try hear(&stream, nowMs: 10)
    let device = tree(stream, nowMs: 10)["devices"]?[3]
    #expect(device?["xid_last"]?["value"] == 79)
    #expect(device?["xid_count"]?["value"] == 1)
    #expect(device?["quarantine"]?["value"] == "XID 79: it has fallen off the bus")
    #expect(stream.quarantine.reason(uuid: "GPU-00000003") != nil)
    #expect(stream.quarantine.reason(uuid: "GPU-00000002") == nil)
  }

  @Test func aGPUThatFaultsAgainAndAgainIsNotTakenBack() throws {
    let line = #"{"version":1,"library":"ok","message":"","gpus":[{"index":0,"status":"ok","#
    let well = try GPUDocument(bytes: Array((line + #""uuid":{"value":"GPU-a","status":"ok"}}]}"#).utf8))
    let lost = try GPUDocument(bytes: Array((line + #""fault":15,"uuid":{"value":null,"status":"lost"}}]}"#).utf8))
    var quarantine = GPUQuarantine()
    for round in 1...GPUQuarantine.faultsMax {
      quarantine.enumerate()
      quarantine.observe(well)
      #expect(quarantine.reason(uuid: "GPU-a") == nil, "round \(round)")
      for _ in 0..<5 { quarantine.observe(lost) }
      #expect(quarantine.reason(uuid: "GPU-a") != nil)
    }
    quarantine.enumerate()
    quarantine.observe(well)
    #expect(quarantine.reason(uuid: "GPU-a") == "it is lost, in 3 enumerations")
    #expect(!quarantine.hasFaults)
  }

  @Test func whatPCIShowsAndTheDriverDoesNotIsMissing() throws {
    let gpu = try snapshot("normal", expected: ["0000:10:00.0", "0000:a0:00.0"])
    #expect(gpu["missing"] == leaf(["0000:a0:00.0"], "ok", 50))
    #expect(try snapshot("normal")["missing"]?["status"] == "unsupported")
    #expect(try snapshot("no-driver", expected: ["0000:a0:00.0"])["missing"]?["value"] == ["0000:a0:00.0"])
  }

  @Test func whatMayNotBeReadIsDenied() throws {
    let devices = try snapshot("denied")["devices"]?.arrayValue ?? []
    #expect(devices[0]["memory_used_bytes"] == leaf(.null, "denied", .null))
    #expect(devices[0]["bus_id"] == leaf(.null, "denied", .null))
  }

  @Test(arguments: [
    ("mismatch", "lost", "Driver/library version mismatch"), ("no-driver", "unsupported", "Driver Not Loaded"),
  ])
  func aDriverThatCannotBeUsedSaysWhy(_ mood: String, _ status: String, _ words: String) throws {
    let gpu = try snapshot(mood)
    #expect(gpu["driver_version"]?["status"]?.stringValue == status)
    #expect(gpu["failure"]?["value"]?.stringValue == words)
    #expect(gpu["devices"] == [])
  }

  @Test func withoutALibraryThereIsNothing() throws {
    let gpu = try snapshot("normal", library: "/no/such/library.so")
    #expect(gpu["driver_version"]?["status"] == "unsupported")
    #expect(gpu["failure"]?["value"]?.stringValue?.contains("/no/such/library.so") == true)
  }

  @Test func aDriverThatHangsInInitIsToldBeforeItsDeadline() throws {
    var stream = stream(try NVMLDouble.helper("hang-init", library: library), limits)
    try eventually("it hangs") {
      stream.advance(nowMs: 0)
      return stream.waitedMs(nowMs: 3_000)?.stage == "init"
    }
    #expect(tree(stream, nowMs: 1_000)["driver_version"]?["status"] == "unsupported")
    let gpu = tree(stream, nowMs: 3_000)
    #expect(gpu["driver_version"]?["status"] == "lost")
    #expect(gpu["failure"]?["value"] == "the driver has not answered for 3000 ms, in stage init")
    try hear(&stream, nowMs: 15_001)
    #expect(stream.failure == .hung(stage: "init", deadlineMs: 15_000, abandoned: false))
    #expect(stream.wakeMs(nowMs: 15_001) == 16_001)
  }

  @Test func aDriverThatHangsInAGetterLeavesStaleFigures() throws {
    let moods = try FixtureTree(["mood": "normal"])
    let script = try NVMLDouble.helper(moodIn: moods.root.path + "/mood", library: library)
    var stream = stream(script, limits)
    try hear(&stream, nowMs: 0)
    try moods.write("mood", "hang-getter")
    func used(_ nowMs: Int) -> JSONValue? { tree(stream, nowMs: nowMs)["devices"]?[0]?["memory_used_bytes"] }
    // Before its deadline the figures are only old. What was under way may still come; then it stays where it hangs.
    var looks = 0
    try eventually("it hangs") {
      stream.advance(nowMs: 0)
      looks = stream.stage == "read" ? looks + 1 : 0
      return looks > 50
    }
    #expect(used(3_000) == leaf(20_000, "ok", 3_000))
    #expect(used(3_001) == leaf(20_000, "stale", 3_001))
    try hear(&stream, nowMs: 3_500)
    #expect(stream.failure == .hung(stage: "read", deadlineMs: 3_000, abandoned: false))
    #expect(used(3_500) == leaf(20_000, "stale", 3_500))
    #expect(used(60_001) == leaf(20_000, "lost", 60_001))
    try moods.write("mood", "normal")
    try hear(&stream, nowMs: 4_500)
    #expect(used(4_500) == leaf(20_000, "ok", 0))
  }

  @Test func aDriverThatAbortsEndsOnlyTheHelper() throws {
    let moods = try FixtureTree(["mood": "normal"])
    let script = try NVMLDouble.helper(moodIn: moods.root.path + "/mood", library: library)
    var stream = stream(script)
    try hear(&stream, nowMs: 0)
    try moods.write("mood", "abort")
    try hear(&stream, nowMs: 200) { $0.failure != nil }
    guard case .signalled(signal: 6, _) = stream.failure else {
      Issue.record("\(String(describing: stream.failure))")
      return
    }
    #expect(tree(stream, nowMs: 200)["devices"]?[0]?["memory_used_bytes"]?["status"] == "stale")
  }

  @Test func anExchangedDriverIsOpenedAnew() throws {
    let moods = try FixtureTree(["mood": "normal"])
    let script = try NVMLDouble.helper(moodIn: moods.root.path + "/mood", library: library)
    var stream = stream(script)
    try hear(&stream, nowMs: 0)
    try moods.write("mood", "reloaded")
    try hear(&stream, nowMs: 100) { $0.failure != nil }
    #expect(stream.failure == .exited(code: 75, message: "coxswain-probe: the driver was exchanged"))
    #expect(tree(stream, nowMs: 100)["devices"]?[0]?["memory_used_bytes"]?["status"] == "lost")
    // While the new one is not there, opening it fails.
    try moods.write("mood", "mismatch")
    try hear(&stream, nowMs: 1_100)
    #expect(tree(stream, nowMs: 1_100)["driver_version"]?["status"] == "lost")
    try moods.write("mood", "normal")
    try eventually("its end is seen") {
      stream.advance(nowMs: 1_100)
      return stream.wakeMs(nowMs: 1_100) > 1_100 + ProbeRun.reapPauseMs
    }
    #expect(stream.wakeMs(nowMs: 1_100) == 3_100)
    try hear(&stream, nowMs: 3_100)
    #expect(tree(stream, nowMs: 3_100)["devices"]?.arrayValue?.count == 8)
    #expect(tree(stream, nowMs: 3_100)["failure"]?["status"] == "unsupported")
  }

  @Test func whereNoDriverIsItIsLookedForRarely() throws {
    var stream = stream(try NVMLDouble.helper("no-driver", library: library))
    try hear(&stream, nowMs: 0)
    try eventually("its end is seen") {
      stream.advance(nowMs: 0)
      return stream.wakeMs(nowMs: 0) == limits.gpuSearchIntervalMs
    }
    #expect(tree(stream, nowMs: 50_000)["driver_version"] == leaf(.null, "unsupported", .null))
  }

  @Test(arguments: [
    "{}", "{\"version\":1,\"library\":\"ok\",\"message\":\"\"}",
    "{\"version\":1,\"library\":\"maybe\",\"message\":\"\"}", "[]", "",
  ])
  func whatIsNoDocumentIsRefused(_ text: String) {
    #expect(throws: ProbeFailure.self) { _ = try GPUDocument(bytes: Array(text.utf8)) }
  }
}
