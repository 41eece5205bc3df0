import Foundation
import Testing
import WireClient
import WireProtocol

/// What `top` leaves on the screen of a real terminal emulator, which wraps, scrolls and restores as people's do.
@Suite(.enabled(if: Multiplexer.program != nil, "tmux is missing: nobody looks at what top draws in a terminal"))
struct TopInMultiplexerTests {
  private static let before = "the screen before top"

  private static func start(
    _ sidecar: ServedSidecar, in directory: TemporaryDirectory, columns: Int = 80, rows: Int = 24
  ) throws -> Multiplexer {
    try Multiplexer(
      columns: columns, rows: rows, in: directory,
      """
      echo '\(Self.before)'
      "$COXSWAIN" top --interval-ms 100 --runtime-dir '\(sidecar.runtime.path)'
      echo "top ended with $?"
      """)
  }

  private static func isDrawn(_ screen: [String], rows: Int) -> Bool {
    screen.count == rows && screen.last == "q quit" && screen[0].hasPrefix("coxswain ")
  }

  /// An engine whose name is longer than any column.
  private static func registerEngine(_ sidecar: ServedSidecar) throws -> WireClient {
    guard case .object(var register) = Samples.register, case .object(var step) = Samples.step else {
      throw ServedSidecar.NeverListened(log: "no messages")
    }
    register["server_id"] = .string("node7-" + String(repeating: "llama-", count: 14) + "rank")
    let client = try WireClient(path: sidecar.runtime.engineSocket)
    step["epoch"] = try client.call(.register, message: .object(register)).message["epoch"]
    step["seq"] = 1
    #expect(try client.call(.step, message: .object(step)).code == .ok)
    return client
  }

  @Test func itFitsTheWindowWhateverItsSize() throws {
    let directory = try TemporaryDirectory()
    let sidecar = try ServedSidecar(in: directory)
    let engine = try Self.registerEngine(sidecar)
    let window = try Self.start(sidecar, in: directory)
    for (columns, rows) in [(80, 24), (120, 40), (40, 10), (80, 24)] {
      try window.resize(columns: columns, rows: rows)
      let screen = try window.screen { Self.isDrawn($0, rows: rows) }
      #expect(Self.isDrawn(screen, rows: rows), "\(columns)x\(rows): \(screen)")
      #expect(screen.allSatisfy { $0.count <= columns }, "\(screen)")
      #expect(try window.screen(isJoined: true).count == rows, "no line is wrapped")
      guard rows >= 24 else { continue }
      #expect(screen[1].hasPrefix("1 session, 1 running, 2 waiting, 1 blocked"), "\(screen)")
      let table = try #require(screen.firstIndex { $0.hasPrefix("SESSION  SERVER") }, "\(screen)")
      #expect(screen[table + 1].hasPrefix("s-1      node7-"), "\(screen)")
      #expect(screen[table + 1].contains("live"), "\(screen)")
      #expect(screen.contains { $0.hasPrefix("QUEUE BY CLASS") }, "\(screen)")
      #expect(screen.filter { $0.hasPrefix("SESSION  SERVER") }.count == 1, "nothing of the last size is left")
    }
    engine.close()
  }

  @Test func qPutsTheTerminalBack() throws {
    let directory = try TemporaryDirectory()
    let sidecar = try ServedSidecar(in: directory)
    let window = try Self.start(sidecar, in: directory)
    _ = try window.screen { Self.isDrawn($0, rows: 24) }
    #expect(try window.modes() == "alternate 1 cursor 0")
    try window.type("q")
    let screen = try window.screen { $0.contains("top ended with 0") }
    #expect(Array(screen.prefix(2)) == [Self.before, "top ended with 0"], "\(screen)")
    #expect(screen.dropFirst(2).allSatisfy { $0.isEmpty }, "\(screen)")
    #expect(try window.modes() == "alternate 0 cursor 1")
  }

  /// Redrawing in place: whoever clears first lets the screen flicker.
  @Test func aRefreshClearsNothing() throws {
    let directory = try TemporaryDirectory()
    let sidecar = try ServedSidecar(in: directory)
    let engine = try Self.registerEngine(sidecar)
    let window = try Self.start(sidecar, in: directory)
    _ = try window.screen { Self.isDrawn($0, rows: 24) }
    let path = try directory.file("written", "")
    try window.copyOutput(to: path)
    var written = ""
    let deadline = Date(timeIntervalSinceNow: 60)
    while written.components(separatedBy: "\u{1B}[H").count < 5, Date() < deadline {
      usleep(50_000)
      written = try String(contentsOfFile: path, encoding: .utf8)
    }
    #expect(written.components(separatedBy: "\u{1B}[H").count >= 5, "frames follow one another")
    for clearing in ["\u{1B}[2J", "\u{1B}[J", "\u{1B}[3J", "\u{1B}c", "\u{1B}[?1049"] {
      #expect(!written.contains(clearing), "\(clearing.dropFirst())")
    }
    engine.close()
  }

  @Test func itSaysThatTheSidecarDrains() throws {
    let directory = try TemporaryDirectory()
    let sidecar = try ServedSidecar(in: directory)
    let window = try Self.start(sidecar, in: directory)
    _ = try window.screen { Self.isDrawn($0, rows: 24) }
    #expect(try sidecar.command(["drain"]).status == 0)
    let screen = try window.screen { $0.count > 1 && $0[1].hasPrefix("draining since") }
    #expect(screen[1].hasSuffix("by uid \(getuid()): no new engine is taken"), "\(screen)")
  }
}
