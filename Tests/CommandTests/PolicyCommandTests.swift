import Testing
import WireProtocol

@Suite struct PolicyCommandTests {
  /// A misspelt member.
  private static let typo = #"{"version":1,"name":"mine","preset":"vllm-v1","batch":{"step_tokns":4096}}"#

  @Test func aTypoMakesServeEndWith78() throws {
    let directory = try TemporaryDirectory()
    let file = try directory.file("policy.json", Self.typo)
    let outcome = try Executable.run(["serve", "--policy", file, "--runtime-dir", directory.path + "/run"])
    #expect(outcome.status == 78)
    #expect(outcome.errors.contains("/batch/step_tokns"))
    #expect(outcome.errors.contains("expected"))
    #expect(outcome.errors.contains("found"))
    #expect(outcome.errors.contains("did you mean \"step_tokens\""))
    #expect(!directory.exists("run/engine.sock"))
  }

  @Test func validateTellsWhatAndWhere() throws {
    let directory = try TemporaryDirectory()
    let file = try directory.file("policy.json", Self.typo)
    let outcome = try Executable.run(["policy", "validate", file, "-o", "json"])
    #expect(outcome.status == 78)
    let json = try outcome.json()
    #expect(json["valid"] == false)
    let error = try #require(json["errors"]?[0])
    #expect(error["pointer"] == "/batch/step_tokns")
    for key in ["message", "expected", "found"] { #expect((error[key]?.stringValue ?? "") != "") }
  }

  @Test(arguments: ["", "{", "[]", "{\"version\":1} x", "nonsense"])
  func whatIsNoPolicyIsNotValid(_ text: String) throws {
    let directory = try TemporaryDirectory()
    let file = try directory.file("policy.json", text)
    #expect(try Executable.run(["policy", "validate", file]).status == 78)
    #expect(try Executable.run(["serve", "--policy", file, "--runtime-dir", directory.path]).status == 78)
  }

  @Test func aMissingFileNamesThePresets() throws {
    let outcome = try Executable.run(["serve", "--policy", "no-such-policy"])
    #expect(outcome.status == 78)
    #expect(outcome.errors.contains("vllm-v1"))
  }

  @Test func everyPresetIsValidAndShown() throws {
    let list = try Executable.run(["policy", "show", "--presets", "-o", "json"]).json()
    let names = (list.arrayValue ?? []).compactMap(\.stringValue)
    #expect(names.contains("vllm-v1"))
    for name in names {
      let valid = try Executable.run(["policy", "validate", name, "-o", "json"])
      #expect(valid.status == 0)
      #expect(try valid.json()["valid"] == true)
      #expect(try valid.json()["errors"] == [])
      #expect(try valid.json()["warnings"]?.arrayValue?.isEmpty == (name != "exerciser"))
      #expect(try Executable.run(["policy", "show", name, "-o", "json"]).json()["name"] == .string(name))
      #expect(try Executable.run(["policy", "show", name]).output.contains(name))
    }
  }

  @Test func theRegistryIsListed() throws {
    let list = try Executable.run(["policy", "show", "--registry", "-o", "json"]).json().arrayValue ?? []
    let vtc = try #require(list.first { $0["name"] == "vtc" && $0["member"] == "queue.ordering" })
    #expect(vtc["source"] == "VTC, Sheng et al., OSDI 2024")
    #expect(vtc["stability"] == "stable")
    #expect(vtc["per_step"] == "R + (A + C) log W")
    let table = try Executable.run(["policy", "show", "--registry"]).output
    #expect(table.split(separator: "\n").count == list.count + 1)
  }

  @Test func aPresetCanBePipedThroughValidate() throws {
    let outcome = try Executable.shell(
      "\"$COXSWAIN\" policy show vllm-v1 -o json | \"$COXSWAIN\" policy validate - -o json")
    #expect(outcome.status == 0)
    #expect(try outcome.json()["valid"] == true)
  }
}
