import HardwareProbes
import Testing
import WireProtocol

@Suite struct RenderTests {
  @Test func showsThisMachine() throws {
    let monitor = ResourceMonitor()
    try monitor.start()
    defer { monitor.stop() }
    print(renderSnapshot(monitor.snapshot(), width: 80))
  }
}
