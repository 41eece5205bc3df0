import Foundation

@testable import HardwareProbes

/// The helper that was built with these tests.
enum BuiltProbe {
  /// nil where the tests run without it.
  static let path: String? = {
    let bundle = ProcessInfo.processInfo.arguments.first { $0.contains(".xctest") }
    guard let folder = bundle?.components(separatedBy: ".xctest")[0] else { return nil }
    let beside = URL(filePath: folder).deletingLastPathComponent().appending(path: HelperPath.name).path
    return FileManager.default.isExecutableFile(atPath: beside) ? beside : nil
  }()

  static func document(_ arguments: String...) throws -> TopologyDocument {
    let path = try path ?? HelperPath.find().get()
    return try TopologyDocument(bytes: ProbeRun.output(path: path, arguments: arguments, limits: MonitorLimits()))
  }
}
