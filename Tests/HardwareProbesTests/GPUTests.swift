import Foundation
import SchedulerCore
import Testing
import WireProtocol

@testable import HardwareProbes

/// The real helper and the real dynamic linking path, with a driver's library in all its moods.
@Suite(.enabled(if: NVMLDouble.current != nil && NVMLDouble.old != nil, "needs a C compiler"))
struct GPUTests {
  private let library = NVMLDouble.current ?? ""

  private func refresher(_ script: ProbeScript) -> GPURefresher {
    GPURefresher(gpuLibrary: nil, find: { .success(script.path) }, limits: MonitorLimits(), nowMs: 0)
  }

  private func finish(_ refresher: inout GPURefresher, nowMs: Int) throws {
    let runs = refresher.runs
    try eventually("the run ended") {
      refresher.advance(nowMs: nowMs)
      return refresher.runs > runs
    }
  }

  /// The part of the snapshot after one run.
  private func snapshot(_ mood: String, library: String? = nil) throws -> JSONValue {
    var refresher = refresher(try NVMLDouble.helper(mood, library: library ?? self.library))
    try finish(&refresher, nowMs: 100)
    return GPUFigures(refresher: refresher, nowMs: 150, staleAfterMs: 3_000).tree.json(nowMs: 150)
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
    #expect(devices[2].objectValue?.names == GPUFigures.names)
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
    #expect(devices[0]["power_mw"]?["status"] == "unsupported")
    #expect(devices[0]["mig"]?["status"] == "unsupported")
  }

  @Test func aDividedGPUHasNoUtilization() throws {
    let devices = try snapshot("mig")["devices"]?.arrayValue ?? []
    #expect(devices[0]["mig"] == leaf(true, "ok", 50))
    #expect(devices[0]["utilization_percent"] == leaf(.null, "unsupported", .null))
  }

  @Test func aLostGPUIsLostAndTheOthersAreNot() throws {
    let devices = try snapshot("lost")["devices"]?.arrayValue ?? []
    #expect(devices.map { $0["memory_used_bytes"]?["status"] == "lost" } == (0..<8).map { $0 == 3 })
  }

  @Test func whatMayNotBeReadIsDenied() throws {
    let devices = try snapshot("denied")["devices"]?.arrayValue ?? []
    #expect(devices[0]["memory_used_bytes"] == leaf(.null, "denied", .null))
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

  @Test(arguments: ["hang-init", "hang-getter"]) func aHungDriverLeavesStaleFigures(_ mood: String) throws {
    let probe = try BuiltProbe.path ?? HelperPath.find().get()
    let script = try NVMLDouble.helper("normal", library: library)
    var refresher = refresher(script)
    try finish(&refresher, nowMs: 0)
    try script.become("NVML_DOUBLE=\(mood) exec '\(probe)' --gpus --nvml '\(library)'")
    func used(_ nowMs: Int) -> JSONValue? {
      GPUFigures(refresher: refresher, nowMs: nowMs, staleAfterMs: 3_000).tree
        .json(nowMs: nowMs)["devices"]?[0]?["memory_used_bytes"]
    }
    // It hangs from the second look on; before its deadline the figures are only old.
    refresher.advance(nowMs: 2_000)
    #expect(used(3_000) == leaf(20_000, "ok", 3_000))
    #expect(used(3_001) == leaf(20_000, "stale", 3_001))
    try finish(&refresher, nowMs: 7_000)
    #expect(refresher.failure == .hung(deadlineMs: 5_000, abandoned: false))
    #expect(used(7_000) == leaf(20_000, "stale", 7_000))
    #expect(used(700_000) == leaf(20_000, "lost", 700_000))
  }

  @Test func aReloadedDriverIsFoundAgain() throws {
    let probe = try BuiltProbe.path ?? HelperPath.find().get()
    let script = try NVMLDouble.helper("mismatch", library: library)
    var refresher = refresher(script)
    try finish(&refresher, nowMs: 0)
    #expect(refresher.document?.gpus.isEmpty == true)
    try script.become("NVML_DOUBLE=normal exec '\(probe)' --gpus --nvml '\(library)'")
    let next = refresher.wakeMs(nowMs: 0)
    #expect(next == MonitorLimits().gpuIntervalMs)
    try finish(&refresher, nowMs: next)
    #expect(refresher.document?.gpus.count == 8)
  }

  @Test(arguments: [
    "{}", "{\"version\":1,\"library\":\"ok\",\"message\":\"\"}",
    "{\"version\":1,\"library\":\"maybe\",\"message\":\"\"}", "[]", "",
  ])
  func whatIsNoDocumentIsRefused(_ text: String) {
    #expect(throws: ProbeFailure.self) { _ = try GPUDocument(bytes: Array(text.utf8)) }
  }
}
