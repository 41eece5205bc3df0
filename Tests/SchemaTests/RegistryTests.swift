import Policy
import SchedulerCore
import Testing

/// The registry of policy primitives is what the schema allows and what the documentation says.
@Suite struct RegistryTests {
  @Test(arguments: PolicyPrimitive.Member.allCases)
  func theNamesAreThoseOfTheSchema(member: PolicyPrimitive.Member) throws {
    let path = member.rawValue.split(separator: ".").map { "properties/\($0)" }.joined(separator: "/")
    #expect(try SchemaFile("policy-v1").words(path) == PolicyRegistry.primitives(member).map(\.name))
  }

  /// Rows of the tables below the heading with this title, headers and rules left out; the code marks are taken off.
  private func table(under title: String) throws -> [[String]] {
    let lines = try Repository.text("Docs/policies.md").split(separator: "\n", omittingEmptySubsequences: false)
    let heading = try #require(
      lines.firstIndex { $0.hasPrefix("#") && $0.contains(title) }, "no heading names \(title)")
    let section = lines[(heading + 1)...].prefix { !$0.hasPrefix("#") }
    let rows = section.indices.filter { index in
      section[index].hasPrefix("|") && !section[index].hasPrefix("| ---") && section[index - 1].hasPrefix("|")
    }
    return rows.map { index in
      section[index].dropFirst().dropLast().split(separator: "|", omittingEmptySubsequences: false).map { cell in
        cell.replacing("`", with: "").trimmingPrefix(" ").description.trimmedEnd
      }
    }
  }

  @Test(arguments: PolicyPrimitive.Member.allCases)
  func theDocumentationSaysTheSame(member: PolicyPrimitive.Member) throws {
    let rows = try table(under: "(`\(member.rawValue)`)")
    let listed = PolicyRegistry.primitives(member)
    #expect(Set(rows.map(\.[0])) == Set(listed.map(\.name)))
    #expect(rows.count == listed.count)
    for primitive in listed {
      let row = try #require(rows.first { $0[0] == primitive.name }, "\(primitive.name) is not in the table")
      #expect(row.count == 5 && !row[1].isEmpty)
      #expect(Array(row[2...]) == [primitive.source, primitive.perStep, primitive.stability.rawValue])
    }
  }

  /// What a preset is made of stands beside the paper that it follows.
  @Test func thePresetsAreWhatTheirPapersSay() throws {
    let rows = try table(under: "From paper to primitive").filter { !$0[1].isEmpty }
    #expect(rows.count > 10)
    for row in rows {
      let config = try #require(PolicyDocument.preset(row[1]), "no preset \(row[1])").config
      #expect(row[2].contains(config.ordering.rawValue) && row[2].contains(config.batchStrategy.rawValue), "\(row[1])")
    }
  }

  /// Whoever has to choose finds every ordering and strategy that serves.
  @Test func everythingThatServesIsInTheMatrix() throws {
    let matrix = try table(under: "Which one").map { $0.joined(separator: " ") }.joined(separator: "\n")
    for primitive in PolicyRegistry.primitives(.ordering) + PolicyRegistry.primitives(.strategy)
    where primitive.stability != .testsOnly && primitive.stability != .yardstick {
      #expect(matrix.contains(primitive.name), "\(primitive.name)")
    }
  }
}

extension String {
  fileprivate var trimmedEnd: String {
    var text = self
    while text.hasSuffix(" ") { text.removeLast() }
    return text
  }
}
