import Testing

/// Habits that keep the sources readable, checked so that nobody has to.
@Suite struct TidinessTests {
  static let functionLines = 70
  static let lineLength = 120
  static let core = "Sources/SchedulerCore"
  /// Folders of the core that may know `Model` and the counters of `Telemetry`, and nothing else.
  static let stages = [
    "Admission", "Allocation", "Batch", "Memory", "Mirror", "Placement", "Preemption", "Queue", "Speculation",
  ]
  static let coreImports: Set<String> = ["Collections", "DequeModule", "HeapModule", "OrderedCollections"]
  static let swiftFiles: [String] = ["Sources", "Tests"].flatMap {
    (try? Repository.files(in: $0, suffix: ".swift")) ?? []
  }
  static let cFiles: [String] = ["CShim", "Sources/EmbeddedFiles"].flatMap { folder in
    [".c", ".h"].flatMap { (try? Repository.files(in: folder, suffix: $0)) ?? [] }
  }

  private static let sources = Dictionary(
    uniqueKeysWithValues: swiftFiles.map { ($0, SwiftSource((try? Repository.text($0)) ?? "")) })

  private func source(_ path: String) throws -> SwiftSource { try #require(Self.sources[path]) }

  @Test func thereIsSomethingToRead() {
    #expect(Self.swiftFiles.count > 100)
    #expect(Self.cFiles.count > 5)
  }

  @Test func theCoreImportsNothing() throws {
    for path in Self.swiftFiles where path.hasPrefix(Self.core + "/") {
      let foreign = Set(try source(path).imports).subtracting(Self.coreImports)
      #expect(foreign.isEmpty, "\(path) imports \(foreign.sorted())")
    }
  }

  /// The same inputs have to give the same plan in every process: no clock, no randomness, no order of a hash table.
  @Test func theCoreIsDeterministic() throws {
    let banned: Set<String> = ["Date", "ContinuousClock", "SuspendingClock", "SystemRandomNumberGenerator", "Task"]
    for path in Self.swiftFiles where path.hasPrefix(Self.core + "/") {
      let found = try source(path).words.intersection(banned)
      #expect(found.isEmpty, "\(path) uses \(found.sorted())")
    }
  }

  @Test func stagesKnowOnlyTheModel() throws {
    var owner: [String: String] = [:]
    for stage in Self.stages {
      for path in try Repository.files(in: "\(Self.core)/\(stage)", suffix: ".swift") {
        for type in try source(path).types { owner[type.name] = stage }
      }
    }
    #expect(owner.count >= Self.stages.count)
    for stage in Self.stages {
      for path in try Repository.files(in: "\(Self.core)/\(stage)", suffix: ".swift") {
        let strangers = try source(path).words.filter { word in owner[word].map { $0 != stage } ?? false }
        #expect(strangers.isEmpty, "\(path) names \(strangers.sorted()) of other stages")
      }
    }
  }

  @Test func theModelKnowsNoStage() throws {
    var stageTypes: Set<String> = []
    for stage in Self.stages {
      for path in try Repository.files(in: "\(Self.core)/\(stage)", suffix: ".swift") {
        stageTypes.formUnion(try source(path).types.map(\.name))
      }
    }
    for path in try Repository.files(in: "\(Self.core)/Model", suffix: ".swift") {
      let found = try source(path).words.intersection(stageTypes)
      #expect(found.isEmpty, "\(path) names \(found.sorted())")
    }
  }

  @Test func functionsFitAScreen() throws {
    for path in Self.swiftFiles {
      for function in try source(path).functions where function.count > Self.functionLines {
        Issue.record("\(path):\(function.line): \(function.name) has \(function.count) lines")
      }
    }
  }

  /// In C a function's body begins and ends with a brace in the first column of its line or at the end of its head.
  @Test func functionsInCFitAScreen() throws {
    for path in Self.cFiles {
      var start = 0
      for (index, line) in try Repository.text(path).split(separator: "\n", omittingEmptySubsequences: false)
        .enumerated()
      {
        if let first = line.first, first != " ", first != "}", first != "#" { start = index }
        if line.hasPrefix("}"), !line.hasPrefix("};"), index - start + 1 > Self.functionLines {
          Issue.record("\(path):\(start + 1): \(index - start + 1) lines")
        }
      }
    }
  }

  /// One type in a file, and the file is named for it; `Type+Topic.swift` extends it.
  @Test func filesAreNamedForTheirType() throws {
    for path in Self.swiftFiles where path.hasPrefix("Sources/") {
      let name = String(path.split(separator: "/").last?.dropLast(".swift".count) ?? "")
      let source = try source(path)
      if let plus = name.firstIndex(of: "+") {
        #expect(source.extended.contains(String(name[..<plus])), "\(path) does not extend \(name[..<plus])")
      }
      let visible = source.types.filter { !$0.isPrivate }.map(\.name)
      #expect(visible.count <= 1, "\(path) declares \(visible)")
      if let type = visible.first, !name.contains("+") { #expect(type == name, "\(path) declares \(type)") }
    }
  }

  /// In tests a message of the wire may be longer, and everywhere what a string of several lines holds.
  @Test func linesFitTheWindow() throws {
    let python = ["Clients", "Scripts"].flatMap { (try? Repository.files(in: $0, suffix: ".py")) ?? [] }
    let shell = try Repository.files(in: "Scripts", suffix: ".sh")
    for path in Self.swiftFiles.filter({ $0.hasPrefix("Sources/") }) + Self.cFiles + python + shell {
      let lines = try Repository.text(path).split(separator: "\n", omittingEmptySubsequences: false)
      let code = Self.sources[path]?.lines
      for (index, line) in lines.enumerated() where line.count > Self.lineLength {
        let isText = code.map { $0[index].allSatisfy(\.isWhitespace) && !line.contains("//") } ?? false
        guard !isText else { continue }
        Issue.record("\(path):\(index + 1): \(line.count) characters")
      }
    }
  }

  /// Nothing half done, and nothing of the machine that something was written on.
  @Test func noLeftovers() throws {
    let words = ["to" + "do", "fix" + "me", "place" + "holder", "x" + "xx"].joined(separator: "|")
    let leftover = try Regex("(?i)\\b(?:\(words))\\b")
    let places = ["wo" + "rk", "ro" + "ot", "ho" + "me"].flatMap { place in
      [" ", "\"", "'", "`", "(", "="].map { "\($0)/\(place)/" }
    }
    let folders = ["Sources", "Tests", "CShim", "Clients", "Docs", "Policies", "Profiles", "Schemas", "Scripts"]
    for folder in folders where Repository.hasFolder(folder) {
      for suffix in [".swift", ".c", ".h", ".py", ".sh", ".md", ".json", ".ndjson"] {
        for path in try Repository.files(in: folder, suffix: suffix) {
          let text = try Repository.text(path)
          if let found = text.firstMatch(of: leftover) { Issue.record("\(path): \(text[found.range])") }
          for place in places where text.contains(place) { Issue.record("\(path): \(place)") }
        }
      }
    }
  }
}
