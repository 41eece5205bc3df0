import Foundation
import SchedulerCore
import Testing
import WireProtocol

@testable import HardwareProbes

@Suite struct ResourceMonitorTests {
  private func configuration(_ tree: FixtureTree, _ script: ProbeScript) -> ResourceMonitor.Configuration {
    var configuration = ResourceMonitor.Configuration()
    configuration.procRoot = tree.proc
    configuration.sysRoot = tree.sys
    configuration.helperPath = script.path
    configuration.limits.collectIntervalMs = 10
    configuration.limits.reopenIntervalMs = 50
    configuration.limits.topologyIntervalMs = 20
    configuration.limits.backOffMs = 10
    configuration.limits.backOffMaxMs = 20
    configuration.limits.helperDeadlineMs = 10_000
    return configuration
  }

  @Test func steersByTheAllowedPartOfTheMachine() throws {
    let tree = try FixtureTree(Fixtures.machine)
    let script = try ProbeScript(ProbeScript.good)
    defer { withExtendedLifetime((tree, script)) {} }
    let monitor = ResourceMonitor(configuration(tree, script))
    #expect(monitor.current() == .unknown)
    try monitor.start()
    defer { monitor.stop() }
    let resources = monitor.current()
    #expect(resources.generation == 1)
    #expect(resources.memoryHeadroomBytes.value == 8_192_000 * 1024)
    #expect(resources.memoryPressureCentipercent.value == 125)
    #expect(resources.numaNodes.map(\.osIndex) == [0, 8])
    #expect(resources.numaNodes.map(\.cpus) == [[0, 1, 2, 3], []])
  }

  @Test func theGenerationGrowsWithASteeringValueOnly() throws {
    let tree = try FixtureTree(Fixtures.machine)
    var steering = SteeringValues()
    func look(_ files: [String: String]) throws -> ResourceSnapshot {
      for (path, text) in files { try tree.write(path, text) }
      let readings = try tree.collector().collect()
      return steering.update(readings, headroom: Headroom(readings))
    }
    #expect(try look([:]).generation == 1)
    let slight = Fixtures.meminfo.replacing("8192000", with: "8192100")
    #expect(try look(["proc/meminfo": slight]).generation == 1)
    // The published value stands still with its generation.
    #expect(steering.published.memoryHeadroomBytes.value == 8_192_000 * 1024)
    #expect(try look(["proc/meminfo": Fixtures.meminfo.replacing("8192000", with: "6192000")]).generation == 2)
    #expect(try look(["proc/pressure/memory": Fixtures.pressure.replacing("=1.25", with: "=9.25")]).generation == 3)
    try tree.remove("proc/pressure/memory")
    let without = try look([:])
    #expect(without.generation == 4)
    #expect(without.memoryPressureCentipercent.status == .unsupported)
  }

  @Test func measuredBandwidthsSteerPlans() throws {
    let tree = try FixtureTree(Fixtures.machine)
    var calibration = try Calibration(
      JSONValue(
        parsing: Array(
          """
          {"version":1,"measured_at_s":\(Int(Date().timeIntervalSince1970)),"gpus":[
          {"bus_id":"a","to_gpu_mb_s":{"value":54000,"status":"ok"},"from_gpu_mb_s":{"value":51000,"status":"ok"}},
          {"bus_id":"b","to_gpu_mb_s":{"value":52000,"status":"ok"},"from_gpu_mb_s":{"value":null,"status":"lost"}}],
          "disk":{"path":"/","write_mb_s":{"value":2100,"status":"ok"},"read_mb_s":{"value":3200,"status":"ok"}}}
          """.utf8)))
    var steering = SteeringValues()
    func look(_ calibration: Calibration?, isFull: Bool = true) throws -> ResourceSnapshot {
      let readings = try tree.collector().collect()
      return steering.update(readings, headroom: Headroom(readings), isFull: isFull, calibration: calibration)
    }
    #expect(try look(nil).hostLinkBytesPerS == nil)
    let measured = try look(calibration)
    #expect(measured.generation == 2)
    #expect(measured.hostLinkBytesPerS == 51_000_000_000)
    #expect(measured.diskBytesPerS == 2_100_000_000)
    #expect(try look(calibration, isFull: false).generation == 2)
    // What was measured long ago may be another machine's.
    calibration.measuredAtS -= 40 * 86_400
    #expect(try look(calibration).hostLinkBytesPerS == nil)
    calibration.measuredAtS = .min
    #expect(calibration.diskBytesPerS == nil)
  }

  @Test func aCrashingHelperLeavesTheLastGoodTopologyMarked() throws {
    let tree = try FixtureTree(Fixtures.machine)
    let script = try ProbeScript(ProbeScript.good)
    defer { withExtendedLifetime(tree) {} }
    let monitor = ResourceMonitor(configuration(tree, script))
    try monitor.start()
    defer { monitor.stop() }
    try eventually("a topology") { monitor.topology()?["status"] == "ok" }
    #expect(monitor.snapshot()["topology"]?["cores"]?["status"] == "ok")
    try script.become("kill -9 $$")
    try eventually("stale") { monitor.topology()?["status"] == "stale" }
    #expect(monitor.topology()?["failure"]?.stringValue?.contains("signal 9") == true)
    try eventually("stale in the snapshot") { monitor.snapshot()["topology"]?["cores"]?["status"] == "stale" }
    #expect(monitor.snapshot()["topology"]?["cores"]?["value"] == 2)
    #expect(monitor.machineTopology()?.cores.count == 2)
    try script.become(ProbeScript.good)
    try eventually("good again") { monitor.topology()?["status"] == "ok" }
    #expect(monitor.topology()?["failure"] == .null)
  }

  @Test func aHungHelperDoesNotKeepTheOtherFiguresFromBeingFresh() throws {
    let tree = try FixtureTree(Fixtures.machine)
    let script = try ProbeScript("sleep 600")
    defer { withExtendedLifetime((tree, script)) {} }
    let monitor = ResourceMonitor(configuration(tree, script))
    try monitor.start()
    defer { monitor.stop() }
    try tree.write("proc/meminfo", Fixtures.meminfo.replacing("8192000", with: "1192000"))
    try eventually("fresh memory") {
      monitor.snapshot()["memory"]?["available_bytes"]?["value"] == .integer(1_192_000 * 1024)
    }
    #expect(monitor.topology() == nil)
  }

  @Test func everyLeafHasValueStatusAndAge() throws {
    let tree = try FixtureTree(Fixtures.machine.filter { !$0.key.hasPrefix("proc/pressure") })
    let script = try ProbeScript("exit 1")
    defer { withExtendedLifetime((tree, script)) {} }
    let monitor = ResourceMonitor(configuration(tree, script))
    try monitor.start()
    monitor.stop()
    var leaves = 0
    func visit(_ json: JSONValue, _ path: String) {
      if let elements = json.arrayValue {
        for (index, element) in elements.enumerated() { visit(element, "\(path)/\(index)") }
      } else if let object = json.objectValue, object["status"] == nil {
        for member in object.members { visit(member.value, "\(path)/\(member.name)") }
      } else {
        leaves += 1
        #expect(json.objectValue?.names == ["value", "status", "age_ms"], "\(path)")
        let status = json["status"]?.stringValue.flatMap { FigureStatus(rawValue: $0) }
        let hasValue = json["value"]?.isNull == false
        switch status {
        case .ok, .stale: #expect(hasValue && json["age_ms"]?.integerValue != nil, "\(path)")
        case .unsupported, .denied: #expect(!hasValue && json["age_ms"]?.isNull == true, "\(path)")
        case .lost: break
        case nil: Issue.record("\(path): no status")
        }
      }
    }
    visit(monitor.snapshot(), "")
    #expect(leaves > 60)
    #expect(monitor.snapshot()["memory"]?["pressure"]?["some"]?["avg10_percent"]?["status"] == "unsupported")
  }

  @Test func oldValuesNeverLookFresh() throws {
    let figure = Figure(value: 5, status: .ok, readMs: 100, staleAfterMs: 1_000)
    #expect(figure.leaf(nowMs: 1_100).status == .ok)
    #expect(figure.leaf(nowMs: 1_101).status == .stale)
    #expect(figure.leaf(nowMs: 1_101).value == 5)
    let lost = Figure(value: nil, status: .lost, readMs: nil, staleAfterMs: 1_000).following(figure)
    #expect(lost.leaf(nowMs: 300) == Leaf(value: 5, status: .lost, ageMs: 200))
    // What became unsupported or denied shows nothing: the last value is no longer its value.
    let denied = Figure(value: nil, status: .denied, readMs: nil, staleAfterMs: 1_000).following(figure)
    #expect(denied.leaf(nowMs: 300) == Leaf(value: nil, status: .denied, ageMs: nil))
  }

  @Test func stopsAtOnceAndMayStartAgain() throws {
    let tree = try FixtureTree(Fixtures.machine)
    let script = try ProbeScript("echo $$ > NOTE; sleep 600")
    defer { withExtendedLifetime(tree) {} }
    let monitor = ResourceMonitor(configuration(tree, script))
    try monitor.start()
    // Two helpers leave their numbers; the second may be about to write over the first.
    var note = ""
    try eventually("a helper runs") {
      note = script.noteText() ?? ""
      return note.hasSuffix("\n")
    }
    let helper = try #require(note.split(separator: "\n").first.flatMap { Int32($0) })
    monitor.stop()
    monitor.stop()
    try eventually("the helper is gone") { kill(helper, 0) != 0 }
    try monitor.start()
    try monitor.start()
    monitor.stop()
  }
}
