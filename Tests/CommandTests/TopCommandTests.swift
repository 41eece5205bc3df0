import Foundation
import Testing

/// `top` on a real pseudo-terminal.
@Suite struct TopCommandTests {
  private static let enter = "\u{1B}[?1049h"
  private static let leave = "\u{1B}[?1049l"
  private static let frameStart = "\u{1B}[H"

  private static func start(_ sidecar: ServedSidecar, on terminal: PseudoTerminal) throws -> Process {
    let process = try Executable.process(
      ["top", "--interval-ms", "100", "--runtime-dir", sidecar.runtime.path], environment: ["TERM": "xterm"])
    let handle = FileHandle(fileDescriptor: terminal.terminal, closeOnDealloc: false)
    process.standardInput = handle
    process.standardOutput = handle
    process.standardError = FileHandle.nullDevice
    try process.run()
    return process
  }

  /// The last whole frame's lines, without what steers the terminal.
  private static func lastFrame(_ text: String) -> [String] {
    let frames = text.components(separatedBy: frameStart)
    guard frames.count > 2 else { return [] }
    // The terminal adds a carriage return of its own to each line feed; "\r\n" is one Character, hence scalars.
    let text = frames[frames.count - 2].replacingOccurrences(of: "\u{1B}[K", with: "")
    return text.unicodeScalars.split(separator: "\n", omittingEmptySubsequences: false).map { line in
      String(String.UnicodeScalarView(line.filter { $0 != "\r" }))
    }
  }

  @Test func fitsEightyByTwentyFourAndRestoresTheTerminal() throws {
    let directory = try TemporaryDirectory()
    let sidecar = try ServedSidecar(in: directory)
    let engine = try sidecar.registerEngine()
    let terminal = try PseudoTerminal(columns: 80, rows: 24)
    let before = terminal.settings
    let process = try Self.start(sidecar, on: terminal)
    let shown = terminal.read { $0.components(separatedBy: Self.frameStart).count > 3 }
    #expect(shown.hasPrefix(Self.enter))
    #expect(terminal.settings.c_lflag & tcflag_t(ECHO) == 0)
    let frame = Self.lastFrame(shown)
    #expect(frame.count == 24)
    #expect(frame.allSatisfy { $0.count <= 80 })
    #expect(frame.joined().contains("node7-llama/0"))
    #expect(frame.last == "q quit")
    terminal.type("q")
    let rest = terminal.readToEnd(of: process)
    #expect(process.terminationReason == .exit)
    #expect(process.terminationStatus == 0)
    #expect(rest.contains("\u{1B}[?25h"))
    #expect(rest.hasSuffix(Self.leave))
    #expect(terminal.settings.c_lflag == before.c_lflag)
    engine.close()
  }

  @Test func followsANewSize() throws {
    let directory = try TemporaryDirectory()
    let sidecar = try ServedSidecar(in: directory)
    let terminal = try PseudoTerminal(columns: 80, rows: 24)
    let process = try Self.start(sidecar, on: terminal)
    _ = terminal.read { $0.contains(Self.frameStart) }
    terminal.resize(columns: 40, rows: 10)
    kill(process.processIdentifier, SIGWINCH)
    let shown = terminal.read { Self.lastFrame($0).count == 10 }
    #expect(Self.lastFrame(shown).allSatisfy { $0.count <= 40 })
    terminal.type("q")
    _ = terminal.readToEnd(of: process)
    #expect(process.terminationStatus == 0)
  }

  @Test(arguments: [SIGTERM, SIGINT, SIGHUP])
  func aSignalRestoresTheTerminal(_ signal: Int32) throws {
    let directory = try TemporaryDirectory()
    let sidecar = try ServedSidecar(in: directory)
    let terminal = try PseudoTerminal(columns: 80, rows: 24)
    let before = terminal.settings
    let process = try Self.start(sidecar, on: terminal)
    _ = terminal.read { $0.contains(Self.frameStart) }
    kill(process.processIdentifier, signal)
    #expect(terminal.readToEnd(of: process).hasSuffix(Self.leave))
    #expect(process.terminationReason == .exit)
    #expect(terminal.settings.c_lflag == before.c_lflag)
  }

  @Test func outlivesASidecarThatRestarts() throws {
    let directory = try TemporaryDirectory()
    let sidecar = try ServedSidecar(in: directory)
    let terminal = try PseudoTerminal(columns: 80, rows: 24)
    let process = try Self.start(sidecar, on: terminal)
    _ = terminal.read { $0.contains(Self.frameStart) }
    sidecar.end(with: SIGTERM)
    #expect(terminal.read { $0.contains("no socket") }.contains("no socket"))
    let next = try ServedSidecar(in: directory)
    let shown = terminal.read { Self.lastFrame($0).last == "q quit" }
    #expect(Self.lastFrame(shown).last == "q quit")
    terminal.type("q")
    _ = terminal.readToEnd(of: process)
    #expect(process.terminationStatus == 0)
    next.end(with: SIGTERM)
  }
}
