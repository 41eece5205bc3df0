import Foundation
import Testing
import WireClient

/// The environment belongs to the process: one at a time.
@Suite(.serialized) struct RuntimeDirectoryTests {
  @Test func theOptionComesFirst() {
    let directory = RuntimeDirectory.forServing(option: "/tmp/here/")
    #expect(directory.path == "/tmp/here")
    #expect(directory.engineSocket == "/tmp/here/engine.sock")
    #expect(directory.adminSocket == "/tmp/here/admin.sock")
    #expect(RuntimeDirectory.forConnecting(option: "/tmp/here") == directory)
  }

  @Test func theRootKeepsItsSlash() { #expect(RuntimeDirectory.forServing(option: "/").path == "/") }

  @Test func anEmptyOptionIsNone() {
    #expect(RuntimeDirectory.forServing(option: "").path != "")
  }
}
