import Foundation
import Policy
import SchedulerCore
import Testing
import WireProtocol

/// The documents speak of what is there, and their links lead somewhere.
@Suite struct DocumentTests {
  private static let documents = ["Docs", "Clients"].flatMap { (try? Repository.files(in: $0, suffix: ".md")) ?? [] }

  @Test func thePolicyPageNamesEveryPresetMemberAndWord() throws {
    let page = try Repository.text("Docs/policy.md")
    let fields: [[String]] = [
      PolicyField.Root.allCases.map(\.rawValue), PolicyField.Class.allCases.map(\.rawValue),
      PolicyField.Tenant.allCases.map(\.rawValue), PolicyField.Queue.allCases.map(\.rawValue),
      PolicyField.Batch.allCases.map(\.rawValue),
      PolicyField.Admission.allCases.map(\.rawValue), PreemptionRules.Means.allCases.map(\.rawValue),
      AdmissionRules.Infeasible.allCases.map(\.rawValue),
      PolicyField.Preemption.allCases.map(\.rawValue), PolicyField.Memory.allCases.map(\.rawValue),
      PolicyField.Speculation.allCases.map(\.rawValue), PolicyDocument.presetNames,
      PolicyConfig.Ordering.allCases.map(\.rawValue), PolicyConfig.BatchStrategy.allCases.map(\.rawValue),
      PolicyConfig.VictimOrder.allCases.map(\.rawValue),
    ]
    for word in fields.joined() { #expect(page.contains(word), "Docs/policy.md does not name \(word)") }
  }

  @Test func theExampleOfThePolicyPageIsValid() throws {
    let page = try Repository.text("Docs/policy.md")
    let block = try #require(page.split(separator: "```json\n").last?.split(separator: "```").first)
    #expect(throws: Never.self) { try PolicyDocument.decode(bytes: Array(block.utf8)) }
  }

  @Test func theWirePageNamesEveryMethodAndHasTheTwentyRules() throws {
    let page = try Repository.text("Docs/wire.md")
    for method in WireMethod.allCases {
      let parts = method.rawValue.split(separator: "/")
      #expect(page.contains(parts[0]) && page.contains(parts[1]), "Docs/wire.md does not name \(method.rawValue)")
    }
    for rule in 1...20 { #expect(page.contains("\n\(rule). **"), "Docs/wire.md has no rule \(rule)") }
  }

  @Test func theSessionOfTheWirePageIsValid() throws {
    let page = try Repository.text("Docs/wire.md")
    let section = try #require(page.split(separator: "## A session in five messages").last)
    let block = try #require(section.split(separator: "```").dropFirst().first)
    var messages: [(schema: String, text: String)] = []
    for line in block.split(separator: "\n") {
      if let brace = line.firstIndex(of: "{"), !line.hasPrefix(" ") {
        messages.append((line.hasPrefix("Step") ? "step-v1" : "step-reply-v1", String(line[brace...])))
      } else if let last = messages.indices.last {
        messages[last].text += line
      }
    }
    #expect(messages.map(\.schema).filter { $0 == "step-v1" }.count == 3)
    #expect(messages.count == 6)
    for message in messages {
      let json = try JSONValue(parsing: message.text)
      #expect(Decoders.refusal(message.schema, json) == nil, "\(message.text)")
    }
  }

  @Test func linksLeadSomewhere() throws {
    #expect(Self.documents.count > 5)
    for path in Self.documents + ["README.md"] {
      let folder = Repository.root.appending(path: path).deletingLastPathComponent()
      for match in try Repository.text(path).matches(of: /\]\(([^)#:\s]+)(?:#[^)]*)?\)/) {
        let target = folder.appending(path: String(match.1)).standardizedFileURL.resolvingSymlinksInPath().path
        #expect(FileManager.default.fileExists(atPath: target), "\(path) links to \(match.1)")
      }
    }
  }
}
