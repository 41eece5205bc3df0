import EmbeddedFiles

/// Files of the repository that are compiled into the executable: schemas, policy presets, GPU profiles.
public enum EmbeddedFile {
  /// Paths from the repository's root, in order.
  public static var paths: [String] { (0..<embedded_file_count()).map { path(embedded_file_at($0)) } }

  /// Contents of a file by its path, such as `Policies/vllm-v1.json`.
  public static func bytes(_ wanted: String) -> [UInt8]? {
    for index in 0..<embedded_file_count() {
      let file = embedded_file_at(index)
      if path(file) == wanted { return Array(UnsafeBufferPointer(start: file.bytes, count: file.size)) }
    }
    return nil
  }

  /// Names of the files of one folder, in order, without `.json`: `names(in: "Policies")`.
  public static func names(in folder: String) -> [String] {
    paths.filter { $0.hasPrefix("\(folder)/") }
      .map { String($0.dropFirst(folder.utf8.count + 1).dropLast(".json".count)) }
  }

  private static func path(_ file: embedded_file) -> String { String(cString: file.path) }
}
