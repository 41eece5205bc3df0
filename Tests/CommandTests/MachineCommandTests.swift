import Foundation
import Testing
import WireProtocol

/// `snapshot` and `topology`, of this machine and of a stored one.
@Suite struct MachineCommandTests {
  private static let statuses: Set<String> = ["ok", "unsupported", "denied", "stale", "lost"]

  /// Every leaf of a document: an object with a status.
  private static func leaves(_ json: JSONValue) -> [JSONValue] {
    switch json {
    case .object(let object) where object["status"] != nil && object["age_ms"] != nil: [json]
    case .object(let object): object.members.flatMap { leaves($0.value) }
    case .array(let elements): elements.flatMap(leaves)
    default: []
    }
  }

  @Test func everyLeafHasValueStatusAndAge() throws {
    let directory = try TemporaryDirectory()
    let sidecar = try ServedSidecar(in: directory)
    let snapshot = try sidecar.command(["snapshot", "-o", "json"]).json()
    for part in ["cpu", "memory", "numa", "cgroup"] { #expect(snapshot[part] != nil, "\(part)") }
    let leaves = Self.leaves(snapshot)
    #expect(leaves.count > 20)
    for leaf in leaves {
      #expect(leaf.objectValue?["value"] != nil)
      #expect(Self.statuses.contains(leaf["status"]?.stringValue ?? ""), "\(leaf.text)")
    }
  }

  @Test func tablesAreForPeople() throws {
    let outcome = try Executable.run(["snapshot", "--local"])
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(outcome.output.contains("Memory"))
    #expect(!outcome.output.contains("\u{1B}"))
  }

  @Test func watchGivesOneLinePerSnapshotUntilTheReaderLeaves() throws {
    let directory = try TemporaryDirectory()
    let sidecar = try ServedSidecar(in: directory)
    let outcome = try Executable.shell(
      "\"$COXSWAIN\" snapshot --watch --interval-ms 100 -o json --runtime-dir \(sidecar.runtime.path) | head -n 2")
    #expect(outcome.status == 0)
    #expect(outcome.errors.isEmpty)
    let lines = outcome.output.split(separator: "\n")
    #expect(lines.count == 2)
    for line in lines { #expect(try JSONValue(parsing: String(line))["memory"] != nil) }
  }

  @Test func aGapInTheStreamIsToldAndNotShown() throws {
    let peer = try FakePeer(name: "admin.sock")
    peer.accept { connection in
      _ = connection.receive()
      connection.send(frame: #"{"id":1,"message":{"gap":{"lost":7}}}"#)
      connection.send(
        frame: #"{"id":1,"status":{"code":"RESOURCE_EXHAUSTED","message":"too slow"},"message":{}}"#)
    }
    let outcome = try Executable.run(["snapshot", "--watch", "--runtime-dir", peer.directory.path])
    #expect(outcome.status == 75)
    #expect(outcome.output.isEmpty)
    #expect(outcome.errors.contains("7 snapshots lost"))
  }

  @Test func watchEndsWithTheSidecar() throws {
    let directory = try TemporaryDirectory()
    let sidecar = try ServedSidecar(in: directory)
    let output = try directory.file("watch.out", "")
    let watch = try Executable.process(["snapshot", "--watch", "-o", "json", "--runtime-dir", sidecar.runtime.path])
    watch.standardOutput = FileHandle(forWritingAtPath: output)
    watch.standardError = FileHandle.nullDevice
    try watch.run()
    while try String(contentsOfFile: output, encoding: .utf8).isEmpty, watch.isRunning { usleep(10_000) }
    #expect(sidecar.end(with: SIGTERM) == 0)
    watch.waitUntilExit()
    #expect([0, 69, 75].contains(watch.terminationStatus))
  }

  @Test func topologyOfThisMachine() throws {
    let outcome = try Executable.run(["topology", "--local", "-o", "json"])
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(try outcome.json().objectValue?.isEmpty == false)
    #expect(try Executable.run(["topology", "--local"]).output.contains("node 0"))
  }

  @Test func aFileThatIsNoTopologyIsAFailure() throws {
    let directory = try TemporaryDirectory()
    let file = try directory.file("broken.xml", "<topology")
    let outcome = try Executable.run(["topology", "--from", file])
    #expect(outcome.status == 1)
    #expect(outcome.errors.contains("broken.xml"))
    #expect(try Executable.run(["topology", "--from", "/no/such.xml"]).status == 1)
  }

  /// A machine of the shared collection, where there is one beside the repository.
  @Test func aStoredMachineIsRead() throws {
    let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent().appendingPathComponent("shared/topologies")
    let files = (try? FileManager.default.subpathsOfDirectory(atPath: folder.path)) ?? []
    for file in files.filter({ $0.hasSuffix(".xml") }).sorted().prefix(3) {
      let outcome = try Executable.run(["topology", "--from", folder.path + "/" + file, "-o", "json"])
      #expect(outcome.status == 0, "\(file): \(outcome.errors)")
    }
  }
}
