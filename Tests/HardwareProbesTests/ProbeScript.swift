import Foundation
import Testing

@testable import HardwareProbes

/// A shell script in the place of the helper, which a test can change between two runs.
final class ProbeScript {
  static let document = """
    {"version":1,"source":"native","hwloc":"2.8.0","machine":{"memory_bytes":1024,"cpus":"0-1","allowed_cpus":"0-1",\
    "nodes":"0","allowed_nodes":"0"},"packages":[{"index":0,"cpus":"0-1","cores":2}],"numa_nodes":[{"os_index":0,\
    "kind":"dram","memory_bytes":1024,"cpus":"0-1","near_cpus":"0-1","allowed":true,"distances":[]}],"caches":[],\
    "cores":[{"package":0,"cpus":"0"},{"package":0,"cpus":"1"}],"pci_devices":[],"links":[]}
    """
  static let good = "printf '%s\\n' '\(document)'"

  /// Runs the text that lies beside the link through which it was started. It is written once, before anything is
  /// started: an executable that a child of another test still holds open for writing cannot be run.
  private static let runner: String = {
    let path = FileManager.default.temporaryDirectory.appending(path: "coxswain-\(UUID().uuidString).sh").path
    let made = FileManager.default.createFile(
      atPath: path, contents: Data("#!/bin/sh\n. \"${0%/*}/body\"\n".utf8), attributes: [.posixPermissions: 0o755])
    precondition(made, "cannot write \(path)")
    usleep(50_000)
    atexit { unlink(ProbeScript.runner) }
    return path
  }()

  private let tree: FixtureTree
  var path: String { tree.root.appending(path: "probe.sh").path }
  /// A file beside the script, for what it leaves behind.
  private var note: String { tree.root.appending(path: "note").path }

  init(_ body: String) throws {
    tree = try FixtureTree([:])
    try become(body)
    try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: Self.runner)
  }

  /// Replaced in one step, so that no run sees half of it.
  func become(_ body: String) throws {
    try tree.write("next", body.replacing("NOTE", with: note) + "\n")
    guard rename(tree.root.appending(path: "next").path, tree.root.appending(path: "body").path) == 0 else {
      throw MonitorError(errno: errno)
    }
  }

  func noteText() -> String? { try? String(contentsOfFile: note, encoding: .utf8) }
}

/// Looks again and again until it holds; the limit only ends a test that would never end.
func eventually(_ what: Comment, _ holds: () throws -> Bool) throws {
  for _ in 0..<2_000 {
    if try holds() { return }
    usleep(5_000)
  }
  Issue.record("never happened: \(what)")
}
