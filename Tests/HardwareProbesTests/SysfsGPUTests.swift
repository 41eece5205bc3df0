import Foundation
import Testing
import WireProtocol

@testable import HardwareProbes

/// AMD and Intel GPUs, from trees of files of our own making.
@Suite struct SysfsGPUTests {
  private static let amd = [
    "vendor": "0x1002", "uevent": "DRIVER=amdgpu\nPCI_CLASS=38000\nPCI_SLOT_NAME=0000:c1:00.0\n",
    "unique_id": "53f0a1b2c3d4e5f6", "product_name": "AMD Instinct MI300X", "mem_info_vram_total": "206141652992",
    "mem_info_vram_used": "103070826496", "gpu_busy_percent": "97", "mem_busy_percent": "41",
    "hwmon/hwmon4/power1_average": "712000000", "hwmon/hwmon4/power1_cap": "750000000",
    "hwmon/hwmon4/temp1_input": "61000", "ras/umc_err_count": "ue: 2\nce: 15\n",
  ]
  private static let intel = [
    "vendor": "0x8086", "uevent": "DRIVER=xe\nPCI_SLOT_NAME=0000:03:00.0\n",
    "tile0/physical_vram_size_bytes": "0x400000000", "hwmon/hwmon2/energy1_input": "5000000",
    "hwmon/hwmon2/power1_max": "190000000",
  ]

  private func tree(_ cards: [(name: String, files: [String: String])]) throws -> FixtureTree {
    var files: [String: String] = [:]
    for card in cards {
      for (name, text) in card.files { files["sys/class/drm/\(card.name)/device/\(name)"] = text + "\n" }
    }
    return try FixtureTree(files)
  }

  private func document(_ tree: FixtureTree) throws -> GPUDocument {
    let path = try BuiltProbe.path ?? HelperPath.find().get()
    let arguments = ["--gpus", "--nvml", "/no/such/library.so", "--sysfs", tree.sys]
    return try GPUDocument(bytes: ProbeRun.output(path: path, arguments: arguments, limits: MonitorLimits()))
  }

  @Test func figuresOfBothMakersInTheOrderOfAddresses() throws {
    let tree = try tree([
      ("card0", Self.amd), ("card1", Self.intel), ("card0-DP-1", ["vendor": "0x1002"]), ("renderD128", Self.amd),
      ("card9", ["vendor": "0x1a03", "uevent": "PCI_SLOT_NAME=0000:01:00.0"]),
    ])
    let document = try document(tree)
    #expect(document.status == .unsupported)
    #expect(document.gpus.count == 2)
    let (intel, amd) = (document.gpus[0].figures, document.gpus[1].figures)
    #expect(amd["bus_id"]?.value == "0000:c1:00.0")
    #expect(amd["vendor"]?.value == "amd")
    #expect(amd["uuid"]?.value == "GPU-53f0a1b2c3d4e5f6")
    #expect(amd["memory_used_bytes"]?.value == 103_070_826_496)
    #expect(amd["memory_free_bytes"]?.value == 103_070_826_496)
    #expect(amd["utilization_percent"]?.value == 97)
    #expect(amd["power_mw"]?.value == 712_000)
    #expect(amd["power_limit_mw"]?.value == 750_000)
    #expect(amd["temperature_celsius"]?.value == 61)
    #expect(amd["ecc_uncorrected"]?.value == 2)
    #expect(intel["memory_total_bytes"]?.value == 17_179_869_184)
    #expect(intel["power_limit_mw"]?.value == 190_000)
    // Not offered, and never zero.
    for name in ["memory_used_bytes", "memory_free_bytes", "utilization_percent", "power_mw", "uuid"] {
      #expect(intel[name]?.status == .unsupported, "\(name)")
    }
  }

  @Test(arguments: [("mem_info_vram_used", "many"), ("gpu_busy_percent", "-1"), ("ras/umc_err_count", "none")])
  func textThatIsNotUnderstoodIsLost(_ file: String, _ text: String) throws {
    let document = try document(tree([("card0", Self.amd.merging([file: text]) { $1 })]))
    #expect(document.gpus[0].figures.values.contains { $0.status == .lost })
    #expect(!document.gpus[0].figures.values.contains { $0.status == .ok && $0.value == .integer(-1) })
  }

  @Test func theSnapshotShowsThemFreshAndPowerFromEnergy() throws {
    let tree = try tree([("card0", Self.intel)])
    let path = try BuiltProbe.path ?? HelperPath.find().get()
    var limits = MonitorLimits()
    limits.gpuIntervalMs = 100
    var stream = GPUStream(
      gpuLibrary: "/no/such/library.so", sysRoot: tree.sys, find: { .success(path) }, limits: limits, nowMs: 0)
    try eventually("a first look") {
      stream.advance(nowMs: 0)
      return stream.runs > 0
    }
    try tree.write("sys/class/drm/card0/device/hwmon/hwmon2/energy1_input", "105000000\n")
    let runs = stream.runs
    try eventually("power") {
      stream.advance(nowMs: 200)
      let power = stream.document?.gpus.first?.figures["power_mw"]
      return stream.runs > runs && (power?.value?.integerValue ?? 0) > 0
    }
    let gpu = GPUFigures(stream: stream, expected: nil, nowMs: 200, limits: limits).tree.json(nowMs: 200)
    #expect(gpu["driver_version"]?["status"] == "unsupported")
    #expect(gpu["devices"]?[0]?["vendor"] == ["value": "intel", "status": "ok", "age_ms": 0])
    #expect(gpu["devices"]?[0]?["power_limit_mw"] == ["value": 190_000, "status": "ok", "age_ms": 0])
    #expect(gpu["devices"]?[0]?["xid_last"]?["status"] == "unsupported")
  }
}
