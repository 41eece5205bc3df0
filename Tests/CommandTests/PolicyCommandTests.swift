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
      let policy = try Executable.run(["policy", "show", name, "-o", "json"]).json()
      #expect(policy["name"] == .string(name))
      try expectAllIsShown(policy, in: Executable.run(["policy", "show", name]).output)
    }
  }

  /// Every member that the schema knows is in the document, and each of them with its value in the table.
  private func expectAllIsShown(_ policy: JSONValue, in table: String) throws {
    let rows = table.split(separator: "\n").map { $0.split(separator: " ").map(String.init) }
    let schema = try Executable.run(["schema", "policy"]).json()["properties"]?.objectValue
    for member in schema?.members ?? [] where !["$schema", "preset", "description"].contains(member.name) {
      if ["need", "models"].contains(member.name), policy[member.name] == nil { continue }
      let value = try #require(policy[member.name], "\(member.name)")
      switch value {
      case .object(let section):
        #expect(section.names.sorted() == member.value["properties"]?.objectValue?.names.sorted())
        for setting in section.members {
          let row = try #require(rows.first { $0[0] == "/\(member.name)/\(setting.name)" }, "\(setting.name)")
          let text = setting.value == .null ? "not" : setting.value.stringValue ?? setting.value.text
          #expect(row[1] == text)
        }
      case .array(let elements):
        guard !elements.isEmpty else {
          #expect(rows.contains(["no", member.name]))
          continue
        }
        let header = try #require(rows.first { $0[0] == "/\(member.name)/name" }, "\(member.name)")
        let columns = ["name"] + header.dropFirst()
        for element in elements {
          #expect(element.objectValue?.names.allSatisfy(columns.contains) == true)
          #expect(rows.contains(columns.map { name in element[name].map { $0.stringValue ?? $0.text } ?? "-" }))
        }
      default: #expect(rows.contains { $0[0] == "/\(member.name)" })
      }
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
