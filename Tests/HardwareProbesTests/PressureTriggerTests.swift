import Foundation
import Testing

@testable import HardwareProbes

@Suite struct PressureTriggerTests {
  /// What the kernel says to a shell that asks for the same.
  private static let isOffered: Bool = {
    let process = Process()
    process.executableURL = URL(filePath: "/bin/sh")
    process.arguments = ["-c", "exec 3<>/proc/pressure/memory && printf 'some 70000 2000000\\0' >&3"]
    process.standardError = FileHandle.nullDevice
    guard (try? process.run()) != nil else { return false }
    process.waitUntilExit()
    return process.terminationStatus == 0
  }()

  @Test func theKernelTakesIt() {
    let trigger = PressureTrigger(procRoot: "/proc", someCentipercent: 350)
    #expect((trigger != nil) == Self.isOffered)
    guard let trigger else { return }
    // Nothing is urgent on a machine that has memory; a descriptor that is none would say so at once.
    #expect(fcntl(trigger.descriptor, F_GETFD) & FD_CLOEXEC != 0)
    #expect(!ProbeRun.wait(on: [], urgent: trigger.descriptor, atMostMs: 0))
  }

  @Test func aFileOfATestIsNotWrittenOver() throws {
    let tree = try FixtureTree(Fixtures.machine)
    #expect(PressureTrigger(procRoot: tree.proc, someCentipercent: 350) == nil)
    #expect(PressureTrigger(procRoot: "/no/such/proc", someCentipercent: 350) == nil)
    let text = try String(contentsOfFile: tree.proc + "/pressure/memory", encoding: .utf8)
    #expect(text == Fixtures.pressure)
  }
}
