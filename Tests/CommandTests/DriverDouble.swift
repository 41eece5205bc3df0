import Foundation

/// A directory with a libnvidia-ml.so.1 of our own (`Tests/CShim/nvml_double.c`), for programs that the dynamic linker
/// is told to search there, and a file that says how the driver behaves.
final class DriverDouble {
  struct NoCompiler: Error {}

  private let directory: TemporaryDirectory

  init(mood: String, flags: [String] = []) throws {
    directory = try TemporaryDirectory()
    try become(mood)
    let source = URL(filePath: #filePath).resolvingSymlinksInPath().deletingLastPathComponent()
      .deletingLastPathComponent().appending(path: "CShim/nvml_double.c").path
    for compiler in Self.compilers where FileManager.default.isExecutableFile(atPath: compiler) {
      let process = try Executable.process(
        program: compiler,
        ["-shared", "-fPIC", "-w", "-o", directory.path + "/libnvidia-ml.so.1", source] + flags)
      try process.run()
      process.waitUntilExit()
      if process.terminationStatus == 0 { return }
    }
    throw NoCompiler()
  }

  static let isAvailable = compilers.contains { FileManager.default.isExecutableFile(atPath: $0) }
  private static let compilers = ["/usr/bin/cc", "/usr/bin/gcc", "/usr/bin/clang"]

  func become(_ mood: String) throws {
    // Replaced in one step, so that no call reads half of it.
    _ = try directory.file("next", mood)
    guard rename(directory.path + "/next", directory.path + "/mood") == 0 else { throw POSIXError(.EIO) }
  }

  /// For the sidecar, whose helper inherits it.
  var environment: [String: String] {
    ["LD_LIBRARY_PATH": directory.path, "NVML_DOUBLE_FILE": directory.path + "/mood"]
  }
}
