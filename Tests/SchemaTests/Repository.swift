import Foundation

/// The files that these tests read.
enum Repository {
  static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()

  /// Paths below the root of all files under one folder, in order.
  static func files(in folder: String, suffix: String) throws -> [String] {
    let place = root.appending(path: folder).resolvingSymlinksInPath().path
    let names = try FileManager.default.subpathsOfDirectory(atPath: place).filter { $0.hasSuffix(suffix) }
    return names.map { $0.dropLast(suffix.count) }.sorted().map { "\(folder)/\($0)\(suffix)" }
  }

  static func bytes(_ path: String) throws -> [UInt8] { Array(try Data(contentsOf: root.appending(path: path))) }

  static func text(_ path: String) throws -> String { String(decoding: try bytes(path), as: UTF8.self) }

  static func hasFolder(_ path: String) -> Bool {
    var isFolder: ObjCBool = false
    return FileManager.default.fileExists(atPath: root.appending(path: path).path, isDirectory: &isFolder)
      && isFolder.boolValue
  }
}
