import Foundation

@testable import HardwareProbes

/// The library of `Tests/CShim/nvml_double.c`, built once for each variant.
enum NVMLDouble {
  static let current = build("nvml_double", [])
  /// Lacks what came with later drivers.
  static let old = build("nvml_double", ["-DOLD"])
  /// CUDA's driver library (`Tests/CShim/cuda_double.c`).
  static let cuda = build("cuda_double", [])

  private static let folder: String = {
    let path = FileManager.default.temporaryDirectory.appending(path: "coxswain-\(UUID().uuidString)").path
    atexit { try? FileManager.default.removeItem(atPath: NVMLDouble.folder) }
    return path
  }()

  private static let sources = URL(filePath: #filePath).resolvingSymlinksInPath().deletingLastPathComponent()
    .deletingLastPathComponent().appending(path: "CShim")

  /// Path of the library; nil where no C compiler is installed.
  private static func build(_ name: String, _ flags: [String]) -> String? {
    guard (try? FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)) != nil else {
      return nil
    }
    let library = folder + "/\(name)\(flags.count).so"
    let source = sources.appending(path: name + ".c").path
    for compiler in ["/usr/bin/cc", "/usr/bin/gcc", "/usr/bin/clang"] {
      guard FileManager.default.isExecutableFile(atPath: compiler) else { continue }
      let process = Process()
      process.executableURL = URL(filePath: compiler)
      process.arguments = ["-shared", "-fPIC", "-w", "-o", library, source] + flags
      guard (try? process.run()) != nil else { continue }
      process.waitUntilExit()
      if process.terminationStatus == 0 { return library }
    }
    return nil
  }

  /// A helper whose GPU driver is the double in this mood, which `become` changes for those started later.
  static func helper(_ mood: String, library: String) throws -> ProbeScript {
    try ProbeScript(line(mood, library: library))
  }

  static func line(_ mood: String, library: String) throws -> String {
    let probe = try BuiltProbe.path ?? HelperPath.find().get()
    return "NVML_DOUBLE=\(mood) exec '\(probe)' \"$@\" --nvml '\(library)'"
  }

  /// The same with a mood that can be changed while it runs.
  static func helper(moodIn file: String, library: String) throws -> ProbeScript {
    let probe = try BuiltProbe.path ?? HelperPath.find().get()
    return try ProbeScript("NVML_DOUBLE_FILE='\(file)' exec '\(probe)' \"$@\" --nvml '\(library)'")
  }
}
