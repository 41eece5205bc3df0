import Foundation
import Testing

/// Exit codes of the command contract, from the real executable; those that all commands share are in EveryCommandTests.
@Suite struct ExitCodeTests {
  @Test(arguments: [
    ["--bogus"], ["nonsense"], ["status", "--bogus"], ["status", "-o", "xml"], ["queue", "--limit", "0"],
    ["queue", "--limit", "many"], ["top", "--interval-ms", "1"], ["plan"], ["bench", "--rounds", "0"],
    ["bench", "--steps", "1"], ["schema", "no-such-schema"], ["status", "--timeout-ms", "0"],
    ["policy", "validate"], ["record"], ["replay"], ["explain"], ["policy", "dry-run"],
    ["policy", "dry-run", "x", "--steps", "0"], ["serve", "--metrics-port", "65536"], ["policy", "apply"],
    ["policy", "diff"], ["policy", "rollback", "--generation", "0"], ["policy", "history", "--limit", "0"],
  ])
  func wrongUsageIs64(_ arguments: [String]) throws {
    let outcome = try Executable.run(arguments)
    #expect(outcome.status == 64)
    #expect(outcome.errors.split(separator: "\n").count == 1)
    #expect(outcome.output.isEmpty)
  }

  @Test func theEnvironmentNamesTheDirectoryToo() throws {
    let directory = try TemporaryDirectory()
    let outcome = try Executable.run(["status"], environment: ["COXSWAIN_RUNTIME_DIR": directory.path])
    #expect(outcome.status == 69)
    #expect(outcome.errors.contains(directory.path))
  }

  @Test func anUnknownSessionIsAFailure() throws {
    let directory = try TemporaryDirectory()
    let sidecar = try ServedSidecar(in: directory)
    let outcome = try sidecar.command(["queue", "--session", "s-404"])
    #expect(outcome.status == 1)
    #expect(outcome.errors.contains("s-404"))
  }

  @Test(
    arguments: [
      ("PERMISSION_DENIED", 77), ("UNAUTHENTICATED", 77), ("UNAVAILABLE", 75), ("RESOURCE_EXHAUSTED", 75),
      ("DEADLINE_EXCEEDED", 75), ("NOT_FOUND", 1), ("INTERNAL", 1),
    ] as [(String, Int32)])
  func aStatusCodeDecidesTheExitCode(_ code: String, _ status: Int32) throws {
    let peer = try FakePeer(name: "admin.sock")
    peer.accept { connection in
      _ = connection.receive()
      connection.send(frame: "{\"id\":1,\"status\":{\"code\":\"\(code)\",\"message\":\"because\"},\"message\":{}}")
    }
    let outcome = try Executable.run(["status", "--runtime-dir", peer.directory.path])
    #expect(outcome.status == status)
    #expect(outcome.errors == "coxswain: \(code): because\n")
  }

  @Test func aPeerThatSaysNothingIs75() throws {
    let peer = try FakePeer(name: "admin.sock")
    peer.accept { $0.waitForEnd() }
    let outcome = try Executable.run(["status", "--timeout-ms", "50", "--runtime-dir", peer.directory.path])
    #expect(outcome.status == 75)
    #expect(outcome.errors.contains("50 ms"))
  }

  @Test func aPeerThatHangsUpIs69() throws {
    let peer = try FakePeer(name: "admin.sock")
    peer.accept { _ = $0.receive() }
    #expect(try Executable.run(["status", "--runtime-dir", peer.directory.path]).status == 69)
  }

  @Test func aDirectoryWithTooLongAPathIsUsage() throws {
    let path = "/tmp/" + String(repeating: "x", count: 120)
    for command in ["serve", "status"] {
      let outcome = try Executable.run([command, "--runtime-dir", path])
      #expect(outcome.status == 64)
      #expect(outcome.errors.contains("107"))
    }
  }

  @Test func aReaderThatLeavesIsNoFailure() throws {
    let outcome = try Executable.shell("{ \"$COXSWAIN\" schema policy-v1; echo $? >&2; } | true")
    #expect(outcome.status == 0)
    #expect(outcome.errors == "0\n")
  }

  @Test func closedStandardStreamsAreNoFailure() throws {
    let outcome = try Executable.shell("\"$COXSWAIN\" version <&- >&- 2>&-; echo $?")
    #expect(outcome.output == "0\n")
  }

  @Test func aFullDiskIsAFailure() throws {
    let outcome = try Executable.shell("\"$COXSWAIN\" version > /dev/full")
    #expect(outcome.status == 1)
    #expect(outcome.errors.contains("standard output"))
  }
}
