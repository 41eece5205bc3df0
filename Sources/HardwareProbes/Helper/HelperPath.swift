import Glibc

/// Where the helper executable is.
public enum HelperPath {
  public static let name = "coxswain-probe"
  public static let variable = "COXSWAIN_PROBE"

  /// `$COXSWAIN_PROBE`, else beside the running executable, else on `$PATH`. The variable is believed even if the file
  /// is missing: whoever set it wants to hear about it.
  public static func find() -> Result<String, ProbeFailure> {
    if let stated = environment(variable), !stated.isEmpty { return .success(stated) }
    var searched = ["$\(variable) is not set"]
    if let directory = executableDirectory() {
      let beside = directory + "/" + name
      if access(beside, X_OK) == 0 { return .success(beside) }
      searched.append("no \(beside)")
    }
    for directory in (environment("PATH") ?? "").split(separator: ":") {
      let candidate = directory + "/" + name
      if access(String(candidate), X_OK) == 0 { return .success(String(candidate)) }
    }
    searched.append("not on $PATH")
    return .failure(.notFound(searched: searched))
  }

  private static func environment(_ name: String) -> String? {
    guard let value = getenv(name) else { return nil }
    return String(cString: value)
  }

  private static func executableDirectory() -> String? {
    var buffer = [UInt8](repeating: 0, count: Int(PATH_MAX))
    let count = buffer.withUnsafeMutableBytes { bytes -> Int in
      guard let start = bytes.baseAddress else { return 0 }
      return readlink("/proc/self/exe", start.assumingMemoryBound(to: CChar.self), bytes.count)
    }
    guard count > 0, count < buffer.count else { return nil }
    let path = String(decoding: buffer[..<count], as: UTF8.self)
    guard let slash = path.lastIndex(of: "/") else { return nil }
    return String(path[..<slash])
  }
}
