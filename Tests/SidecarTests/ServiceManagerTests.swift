import Glibc
import Logging
import Testing

@testable import Sidecar

struct ServiceManagerTests {
  private let log = Logger(label: "test")

  private func manager(_ environment: [String: String]) -> ServiceManager {
    ServiceManager(environment: { environment[$0] }, pid: 42, log: log)
  }

  @Test func pingsAreWantedOnlyFromTheProcessThatIsWatched() {
    let socket = "/run/systemd/notify"
    #expect(manager(["NOTIFY_SOCKET": socket, "WATCHDOG_USEC": "3000000"]).pingIntervalUs == 1_500_000)
    #expect(
      manager(["NOTIFY_SOCKET": socket, "WATCHDOG_USEC": "3000000", "WATCHDOG_PID": "42"]).watchdogUs == 3_000_000)
    #expect(manager(["NOTIFY_SOCKET": socket, "WATCHDOG_USEC": "3000000", "WATCHDOG_PID": "41"]).watchdogUs == nil)
    #expect(manager(["WATCHDOG_USEC": "3000000"]).watchdogUs == nil)
    for wrong in ["", "0", "-1", "soon"] {
      #expect(manager(["NOTIFY_SOCKET": socket, "WATCHDOG_USEC": wrong]).watchdogUs == nil, "\(wrong)")
    }
  }

  @Test func anAbstractSocketGetsEveryMessage() throws {
    let name = "coxswain-test-\(UInt64.random(in: 0 ... .max))"
    let receiver = socket(AF_UNIX, CInt(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    try #require(receiver >= 0)
    defer { close(receiver) }
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0[1...].copyBytes(from: name.utf8) }
    let size = socklen_t(MemoryLayout<sa_family_t>.size + 1 + name.utf8.count)
    let bound = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(receiver, $0, size) }
    }
    try #require(bound == 0)

    let manager = manager(["NOTIFY_SOCKET": "@" + name])
    manager.ready("serving\nwell")
    #expect(receive(receiver) == "READY=1\nSTATUS=serving well\n")
    manager.reloading()
    let reloading = receive(receiver).split(separator: "\n")
    #expect(reloading.first == "RELOADING=1")
    #expect(reloading.last?.hasPrefix("MONOTONIC_USEC=") == true)
    manager.ready(String(repeating: "ü", count: 500))
    #expect(receive(receiver) == "READY=1\nSTATUS=" + String(repeating: "ü", count: 128) + "\n")
    manager.ping()
    #expect(receive(receiver) == "WATCHDOG=1\n")
    manager.stopping()
    #expect(receive(receiver).hasPrefix("STOPPING=1\n"))
  }

  private func receive(_ descriptor: CInt) -> String {
    var bytes = [UInt8](repeating: 0, count: 4096)
    let count = recv(descriptor, &bytes, bytes.count, CInt(MSG_DONTWAIT))
    return String(decoding: bytes.prefix(max(0, count)), as: UTF8.self)
  }
}
