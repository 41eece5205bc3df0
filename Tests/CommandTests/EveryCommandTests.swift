import Foundation
import Testing
import WireProtocol

/// The command contract, over every command that the parser knows: a new one is in it without being listed. One that
/// cannot run without arguments of its own fails here until it says which.
@Suite struct EveryCommandTests {
  private static let commands = (try? ParsedCommand.all()) ?? []

  @Test func theParserKnowsTheContract() {
    let names = Self.commands.map(\.name)
    for name in ["serve", "policy apply", "simulate", "rank", "bound", "place", "launch", "profile import", "engine"] {
      #expect(names.contains(name), "\(name)")
    }
  }

  @Test(arguments: commands)
  func helpHasAnExample(_ command: ParsedCommand) throws {
    let outcome = try Executable.run(command.path + ["--help"])
    #expect(outcome.status == 0)
    #expect(outcome.errors.isEmpty)
    let lines = outcome.output.split(separator: "\n", omittingEmptySubsequences: false)
    let examples = lines.drop { $0 != "EXAMPLES" }.prefix { !$0.hasPrefix("USAGE") }
    #expect(examples.contains { $0.contains("coxswain \(command.name)") }, "\(outcome.output)")
  }

  @Test(arguments: commands)
  func wrongUseIsOneLineThatHelps(_ command: ParsedCommand) throws {
    let outcome = try Executable.run(command.path + ["--nonsuch"])
    #expect(outcome.status == 64)
    #expect(outcome.output.isEmpty)
    #expect(outcome.errors.hasPrefix("coxswain: "))
    let path = (["coxswain"] + command.path).joined(separator: " ")
    #expect(outcome.errors.hasSuffix("(see: \(path) --help)\n"), "\(outcome.errors)")
    #expect(outcome.errors.split(separator: "\n").count == 1, "\(outcome.errors)")
  }

  /// The first letter of a command is typed twice, the last one of an option is forgotten.
  @Test func aSlipIsAnsweredWithTheNameThatWasMeant() throws {
    var options = 0
    for command in Self.commands {
      for name in command.subcommands {
        let outcome = try Executable.run(command.path + ["\(name.prefix(1))\(name)"])
        #expect(outcome.status == 64)
        #expect(outcome.errors.contains("Did you mean '\(name)'?"), "\(outcome.errors)")
      }
      guard command.arguments["output"] != nil else { continue }
      let outcome = try Executable.run(command.path + ["--outpu"])
      // A command that lacks something else may say that first.
      guard outcome.errors.contains("Unknown option") else { continue }
      #expect(outcome.errors.contains("Did you mean '--output'?"), "\(outcome.errors)")
      options += 1
    }
    #expect(options > 12)
    #expect(try Executable.run(["schema", "polici"]).errors.contains("did you mean 'policy'?"))
    #expect(try Executable.run(["policy", "validate", "balancd"]).errors.contains("did you mean balanced?"))
  }

  // MARK: - Exit codes

  /// What a command needs so that it calls the sidecar.
  private static func reaching(_ command: ParsedCommand, in directory: TemporaryDirectory) throws -> [String] {
    let arguments =
      switch command.name {
      case "engine": ["--requests", "1"]
      case "plan": ["--socket", "--from", try directory.file("plan.json", Samples.planRequest.text)]
      case "policy diff", "policy dry-run", "policy apply": ["balanced"]
      case "explain": ["x"]
      case "record": [directory.path + "/x.rec"]
      default: [String]()
      }
    return command.path + arguments
  }

  private static var callers: [ParsedCommand] {
    commands.filter { $0.arguments["runtime-dir"] != nil && $0.name != "serve" }
  }

  @Test(arguments: callers)
  func nobodyThereIs69(_ command: ParsedCommand) throws {
    let directory = try TemporaryDirectory()
    let arguments = try Self.reaching(command, in: directory)
    let outcome = try Executable.run(arguments + ["--runtime-dir", directory.path])
    #expect(outcome.status == 69, "\(outcome.errors)")
    #expect(outcome.errors.contains(directory.path))
    #expect(outcome.output.isEmpty)
  }

  @Test(arguments: callers)
  func aRefusalIs77(_ command: ParsedCommand) throws {
    let directory = try TemporaryDirectory()
    let socket = ["engine", "plan"].contains(command.name) ? "engine.sock" : "admin.sock"
    let peer = try FakePeer(name: socket)
    peer.accept { connection in
      while connection.receive() != nil {
        connection.send(frame: #"{"id":1,"status":{"code":"PERMISSION_DENIED","message":"not you"},"message":{}}"#)
      }
    }
    let arguments = try Self.reaching(command, in: directory)
    let outcome = try Executable.run(arguments + ["--runtime-dir", peer.directory.path])
    #expect(outcome.status == 77, "\(outcome.errors)")
    #expect(outcome.errors.hasSuffix("PERMISSION_DENIED: not you\n"), "\(outcome.errors)")
    #expect(outcome.output.isEmpty)
  }

  /// Before anybody is called.
  @Test(arguments: commands.filter { $0.arguments["policy"] != nil || $0.name == "policy validate" })
  func aWrongPolicyIs78(_ command: ParsedCommand) throws {
    let directory = try TemporaryDirectory()
    let policy = try directory.file("wrong.json", #"{"version":1,"name":"x","nonsense":1}"#)
    let arguments =
      switch command.name {
      case "engine": ["--in-process", "--requests", "1", "--policy", policy]
      case "plan": ["--policy", policy, "--from", try directory.file("plan.json", Samples.planRequest.text)]
      case "rank": ["--requests", "1", "--policy", policy, "--baseline", "sarathi"]
      case "simulate", "tune": ["--requests", "1", "--policy", policy]
      case "serve", "drafts": ["--policy", policy]
      default: [policy]
      }
    let outcome = try Executable.run(
      command.path + arguments, environment: ["COXSWAIN_RUNTIME_DIR": directory.path + "/run"])
    #expect(outcome.status == 78, "\(outcome.errors)")
    #expect((outcome.output + outcome.errors).contains("/nonsense"), "\(outcome.errors)")
  }

  // MARK: - Documents

  /// What each command that prints data prints something with, in an order in which each finds what it needs.
  private static func documents(in directory: TemporaryDirectory) throws -> [(name: String, arguments: [String])] {
    let small = ["--requests", "20", "--rate", "10"]
    let line =
      #"{"timestamp":0,"input_length":100,"output_length":21,"here":{"queued_ms":0,"ttft_ms":50,"e2e_ms":650}}"#
    let machine = "pack:2 [numa(memory=1073741824)] core:2 pu:2"
    return [
      ("status", []), ("queue", []), ("snapshot", []), ("topology", ["--synthetic", machine]), ("metrics", []),
      ("top", []), ("explain", ["chatcmpl-11d0aa93"]), ("record", [directory.path + "/x.rec"]),
      ("replay", [directory.path + "/x.rec"]),
      ("plan", ["--from", try directory.file("plan.json", Samples.planRequest.text)]),
      ("policy validate", ["balanced"]), ("policy show", []), ("policy diff", ["balanced"]),
      ("policy dry-run", ["balanced", "--no-closed-loop"]), ("policy apply", ["balanced"]), ("policy rollback", []),
      ("policy history", []), ("drain", ["--resume"]), ("engine", ["--in-process"] + small), ("simulate", small),
      ("tune", small),
      ("rank", small + ["--baseline", "vllm-v1", "--baseline", "sarathi"]), ("bound", small),
      ("drafts", ["--batch", "2", "--seconds", "0.2", "--seeds", "1", "--tree-width", "4"]),
      ("place", ["--synthetic", machine]), ("launch", ["--dry-run", "--", "true"]), ("schema", []), ("version", []),
      (
        "profile validate",
        [
          "rtxpro6000-llama31-8b", "--measurement", "here", "--run",
          try directory.file("run.jsonl", (0..<8).map { _ in line }.joined(separator: "\n")),
        ]
      ),
    ]
  }

  @Test func everyCommandThatPrintsDataPrintsOneDocument() throws {
    let directory = try TemporaryDirectory()
    let documents = try Self.documents(in: directory)
    // The benchmark takes its time: OutputTests has it.
    let printing = Self.commands.filter { $0.arguments["output"] == "output" && $0.name != "bench" }
    #expect(Set(printing.map(\.name)) == Set(documents.map { $0.name }))
    let sidecar = try ServedSidecar(in: directory)
    let client = try sidecar.registerEngine()
    for (name, arguments) in documents {
      let words = name.split(separator: " ").map(String.init)
      let options = ["-o", "json"] + (words == ["launch"] ? ["--quiet"] : [])
      let outcome = try Executable.run(
        words + options + arguments, environment: ["COXSWAIN_RUNTIME_DIR": sidecar.runtime.path])
      #expect(outcome.status == 0, "\(name): \(outcome.errors)")
      #expect(throws: Never.self, "\(name): \(outcome.output)") { try outcome.json() }
    }
    client.close()
  }
}
