import Testing

/// A scrape, read as strictly as Prometheus reads it.
struct Exposition {
  struct Sample {
    var name: String
    var labels: [(name: String, value: String)]
    var value: Double
  }

  struct Malformed: Error {
    var line: String
  }

  let text: String
  private(set) var families: [(name: String, type: String)] = []
  private(set) var samples: [Sample] = []

  init(_ text: String) throws {
    self.text = text
    guard text.hasSuffix("\n") else { throw Malformed(line: "no line feed at the end") }
    var helped: Set<String> = []
    for line in text.split(separator: "\n").map(String.init) {
      let words = line.split(separator: " ", maxSplits: 3).map(String.init)
      if line.hasPrefix("# HELP "), words.count == 4 {
        guard helped.insert(words[2]).inserted else { throw Malformed(line: line) }
      } else if line.hasPrefix("# TYPE "), words.count == 4, helped.contains(words[2]) {
        families.append((words[2], words[3]))
      } else {
        samples.append(try Self.sample(line, of: families.last?.name))
      }
    }
    let keys = samples.map { "\($0.name) \($0.labels)" }
    guard Set(keys).count == keys.count else { throw Malformed(line: "a series is there twice") }
  }

  private static func sample(_ line: String, of family: String?) throws -> Sample {
    guard let match = line.wholeMatch(of: /([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? ([^ ]+)/),
      let value = Double(String(match.3) == "+Inf" ? "inf" : String(match.3)), let family,
      match.1.hasPrefix(family)
    else { throw Malformed(line: line) }
    var labels: [(String, String)] = []
    var rest = match.2 ?? ""
    while let label = rest.prefixMatch(of: /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\\\|\\"|\\n)*)",?/) {
      labels.append((String(label.1), String(label.2)))
      rest = rest[label.range.upperBound...]
    }
    guard rest.isEmpty else { throw Malformed(line: line) }
    return Sample(name: String(match.1), labels: labels, value: value)
  }

  func samples(of family: String) -> [Sample] {
    samples.filter { sample in
      sample.name == family || ["_bucket", "_sum", "_count"].contains { sample.name == family + $0 }
    }
  }

  func value(_ name: String, _ labels: [String: String] = [:]) -> Double? {
    samples.first { sample in
      sample.name == name && sample.labels.count == labels.count
        && sample.labels.allSatisfy { labels[$0.name] == $0.value }
    }?.value
  }

  /// Over all series with these labels.
  func sum(_ name: String, _ labels: [String: String] = [:]) -> Double {
    samples.filter { sample in
      sample.name == name && labels.allSatisfy { label in sample.labels.contains { $0 == (label.key, label.value) } }
    }.reduce(0) { $0 + $1.value }
  }
}
