import Glibc

/// What the figures were measured on and with.
enum BenchMachine {
  #if DEBUG
    static let build = "debug"
  #else
    static let build = "release"
  #endif

  static var description: String {
    "\(processor), \(sysconf(Int32(_SC_NPROCESSORS_ONLN))) CPUs online, \(kernel), \(build) build"
  }

  private static var processor: String {
    guard let bytes = try? InputFile.bytes("/proc/cpuinfo") else { return "unknown CPU" }
    for line in String(decoding: bytes, as: UTF8.self).split(separator: "\n") where line.hasPrefix("model name") {
      let name = line.drop { $0 != ":" }.dropFirst()
      return TextTable.printable(String(name.drop { $0 == " " }))
    }
    return "unknown CPU"
  }

  private static var kernel: String {
    var name = utsname()
    guard uname(&name) == 0 else { return "unknown kernel" }
    return withUnsafeBytes(of: name.release) { bytes in
      "Linux " + String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    }
  }
}
