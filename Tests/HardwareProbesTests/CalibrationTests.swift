import Foundation
import Testing
import WireProtocol

@testable import HardwareProbes

/// `coxswain-probe --calibrate` with doubles of both driver libraries and the real disk, and what is made of its file.
@Suite(.enabled(if: NVMLDouble.current != nil && NVMLDouble.cuda != nil, "needs a C compiler"))
struct CalibrationTests {
  private func calibrate(_ arguments: [String], mood: String = "normal", cuda: String? = nil) throws -> JSONValue {
    let probe = try BuiltProbe.path ?? HelperPath.find().get()
    let script = try ProbeScript(
      "CUDA_DOUBLE=\(mood) exec '\(probe)' --calibrate --cuda '\(cuda ?? NVMLDouble.cuda ?? "")' \"$@\"")
    return try JSONValue(
      parsing: ProbeRun.output(path: script.path, arguments: arguments, limits: MonitorLimits()))
  }

  private var nvml: [String] { ["--nvml", NVMLDouble.current ?? ""] }

  @Test func aGPUInUseIsLeftAlone() throws {
    // The double says that two processes compute on each; the second GPU is not in its list.
    let json = try calibrate(nvml)
    #expect(json["gpus"]?[0] == ["bus_id": "0000:10:00.0", "skipped": "processes compute on it"])
    #expect(json["gpus"]?[1]?["skipped"] == "nobody can tell whether it is in use")
    #expect(try calibrate(["--nvml", "/no/such.so"])["gpus"]?[0]?["skipped"] == "nobody can tell whether it is in use")
  }

  @Test func askedForItIsMeasured() throws {
    let json = try calibrate(nvml + ["--force"])
    #expect(json["cuda"] == "")
    #expect(json["gpus"]?.arrayValue?.map { $0["bus_id"] } == ["0000:10:00.0", "0000:1a:00.0"])
    for gpu in json["gpus"]?.arrayValue ?? [] {
      #expect((gpu["to_gpu_mb_s"]?["value"]?.integerValue ?? 0) > 0)
      #expect((gpu["from_gpu_mb_s"]?["value"]?.integerValue ?? 0) > 0)
    }
    #expect(json["disk"] == nil)
  }

  @Test func whatCannotBeMeasuredSaysWhy() throws {
    #expect(try calibrate([], mood: "no-device")["cuda"] == "cuInit failed with error 100")
    #expect(try calibrate(["--force"], mood: "no-memory")["gpus"]?[0]?["skipped"] == "no memory")
    #expect(try calibrate([], cuda: "/no/cuda.so")["cuda"]?.stringValue?.contains("/no/cuda.so") == true)
    #expect(try calibrate(["--disk", "/no/such/folder"])["disk"]?["message"] == "No such file or directory")
  }

  @Test func theDiskIsMeasuredAndNothingIsLeft() throws {
    let tree = try FixtureTree([:])
    let json = try calibrate(["--disk", tree.root.path, "--store", tree.root.path + "/calibration.json"])
    let disk = try #require(json["disk"])
    #expect((disk["write_mb_s"]?["value"]?.integerValue ?? 0) > 0)
    #expect((disk["read_mb_s"]?["value"]?.integerValue ?? 0) > 0)
    #expect((disk["bytes"]?.integerValue ?? .max) <= 256 << 20)
    let left = try FileManager.default.contentsOfDirectory(atPath: tree.root.path).sorted()
    #expect(left == ["calibration.json", "proc", "sys"])
    let stored = try Calibration.load(tree.root.path + "/calibration.json")
    #expect(try stored == Calibration(json))
    #expect(stored.disk?.path == tree.root.path)
  }

  @Test func theSnapshotShowsStoredFiguresWithTheirAge() throws {
    let now = Int(Date().timeIntervalSince1970)
    let tree = try FixtureTree([
      "calibration.json": """
      {"version":1,"measured_at_s":\(now - 3_600),"cuda":"","gpus":[{"bus_id":"0000:10:00.0",
      "to_gpu_mb_s":{"value":54000,"status":"ok"},"from_gpu_mb_s":{"value":null,"status":"lost"}}],
      "disk":{"path":"/","write_mb_s":{"value":2100,"status":"ok"},"read_mb_s":{"value":3200,"status":"ok"}}}
      """
    ])
    let calibration = try Calibration.load(tree.root.path + "/calibration.json")
    let disk = DiskFigures(calibration: calibration, nowMs: 5_000, staleAfterMs: 1_000).tree.json(nowMs: 5_000)
    #expect(disk["path"]?["value"] == "/")
    #expect((disk["total_bytes"]?["value"]?.integerValue ?? 0) > (disk["free_bytes"]?["value"]?.integerValue ?? 0))
    #expect(disk["write_mb_s"]?["value"] == 2_100)
    let age = try #require(disk["read_mb_s"]?["age_ms"]?.integerValue)
    #expect((3_600_000...3_660_000).contains(age))
    let to = calibration.leaf(calibration.gpus["0000:10:00.0"]?.toMbS, nowMs: 0).json(nowMs: 0)
    #expect(to["value"] == 54_000 && to["status"] == "ok")
    let from = calibration.leaf(calibration.gpus["0000:10:00.0"]?.fromMbS, nowMs: 0).json(nowMs: 0)
    #expect(from["status"] == "unsupported")
    var old = calibration
    old.measuredAtS -= 40 * 86_400
    #expect(old.leaf(54_000, nowMs: 0).json(nowMs: 0)["status"] == "stale")
  }

  @Test(arguments: ["", "{}", "[]", #"{"version":2,"measured_at_s":1}"#, #"{"version":1}"#])
  func whatIsNoCalibrationIsRefused(_ text: String) throws {
    let tree = try FixtureTree(["calibration.json": text])
    #expect(throws: ProbeFailure.self) { try Calibration.load(tree.root.path + "/calibration.json") }
  }
}
