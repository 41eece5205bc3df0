import WireProtocol

/// The SLO classes of a workload and how requests spread over them.
public struct ClassMix: Hashable, Sendable {
  public struct Entry: Hashable, Sendable {
    public var name: String
    /// Weight among the entries.
    public var share: Double
    public var ttftSLOMs: Int
    public var tpotSLOMs: Int
    /// What one request of the class counts for where classes are added up.
    public var weight: Int

    public init(name: String, share: Double, ttftSLOMs: Int, tpotSLOMs: Int, weight: Int = 1) {
      self.name = name
      self.share = share
      self.ttftSLOMs = ttftSLOMs
      self.tpotSLOMs = tpotSLOMs
      self.weight = weight
    }
  }

  static let entriesMax = 64
  static let weightMax = 1_000

  public var entries: [Entry]

  public init(entries: [Entry]) { self.entries = entries }

  /// 40 % interactive, 40 % standard, 20 % batch, with weights 3, 2, 1.
  public static let standard = ClassMix(entries: [
    Entry(name: "interactive", share: 0.4, ttftSLOMs: 500, tpotSLOMs: 25, weight: 3),
    Entry(name: "standard", share: 0.4, ttftSLOMs: 2_000, tpotSLOMs: 50, weight: 2),
    Entry(name: "batch", share: 0.2, ttftSLOMs: 60_000, tpotSLOMs: 200, weight: 1),
  ])

  /// Reads `{"classes":[{"name","share","ttft_slo_ms","tpot_slo_ms","weight"}]}`; the weight is 1 unless given.
  public static func decode(bytes: [UInt8]) throws(WorkloadError) -> ClassMix {
    do {
      let file = try MessageReader(try JSONValue(parsing: bytes))
      var entries: [Entry] = []
      for (i, json) in try file.array("classes", max: entriesMax).enumerated() {
        let reader = try MessageReader(json, path: "/classes/\(i)")
        guard let share = json["share"]?.doubleValue, share > 0 else {
          throw CallError.invalid(field: "/classes/\(i)/share", "expected a number above 0")
        }
        entries.append(
          Entry(
            name: try reader.string("name"), share: share, ttftSLOMs: try reader.integer("ttft_slo_ms"),
            tpotSLOMs: try reader.integer("tpot_slo_ms"),
            weight: try reader.integer("weight", in: 1...weightMax, default: 1)))
      }
      guard !entries.isEmpty else { throw CallError.invalid(field: "/classes", "empty; expected at least one class") }
      return ClassMix(entries: entries)
    } catch let error as CallError {
      throw .invalidClasses(message: error.message)
    } catch {
      throw .invalidClasses(message: "\((error as? JSONError)?.message ?? "\(error)")")
    }
  }

  /// The TPOT limit of the class that waits least between tokens.
  var tightestTPOTMs: Int { entries.lazy.map(\.tpotSLOMs).min() ?? 1 }

  /// Draws a class.
  func draw(_ random: inout SeededRandom) -> Int {
    var rest = random.unit() * entries.reduce(0) { $0 + $1.share }
    for (index, entry) in entries.enumerated() {
      rest -= entry.share
      if rest < 0 { return index }
    }
    return entries.count - 1
  }
}
