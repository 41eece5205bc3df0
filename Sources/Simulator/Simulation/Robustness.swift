import WireProtocol

/// Whether a ranking survives a profile that is wrong: what each contender achieves under each distortion.
public struct Robustness: Sendable {
  public struct Row: Sendable {
    /// nil: the profile as it is.
    public let distortion: TimeDistortion?
    /// Requests per second, in the order of the contenders.
    public let merits: [Double]

    public init(distortion: TimeDistortion?, merits: [Double]) {
      self.distortion = distortion
      self.merits = merits
    }

    var name: String { distortion?.rawValue ?? "as_profiled" }
  }

  /// Two figures this close are no ranking.
  static let tieRatio = 0.005

  let policies: [String]
  let rows: [Row]

  /// - Parameter rows: the first one is the profile as it is.
  public init(policies: [String], rows: [Row]) {
    self.policies = policies
    self.rows = rows
  }

  /// Pairs (better, worse) of policies whose order holds in every row.
  public var claims: [(better: String, worse: String)] { pairs { rank in rank.allSatisfy { $0 > 0 } } }

  /// Pairs that some row turns round.
  public var flips: [(better: String, worse: String)] {
    pairs { rank in rank[0] > 0 && rank.contains { $0 < 0 } }
  }

  private func pairs(_ isWanted: ([Int]) -> Bool) -> [(better: String, worse: String)] {
    policies.indices.flatMap { a in
      policies.indices.compactMap { b in
        isWanted(rows.map { Self.rank($0.merits[a], $0.merits[b]) }) ? (policies[a], policies[b]) : nil
      }
    }
  }

  /// 1: the first is better, -1: the second, 0: neither.
  private static func rank(_ a: Double, _ b: Double) -> Int {
    if a > b * (1 + tieRatio) { return 1 }
    return b > a * (1 + tieRatio) ? -1 : 0
  }

  public var json: JSONValue {
    func list(_ pairs: [(better: String, worse: String)]) -> JSONValue {
      .array(pairs.map { ["better": .string($0.better), "worse": .string($0.worse)] })
    }
    return [
      "rows": .array(
        rows.map { row in
          [
            "profile": .string(row.name),
            "requests_per_s": .object(JSONObject(zip(policies, row.merits).map { .init($0, .number($1)) })),
          ]
        }), "claims": list(claims), "flips": list(flips),
    ]
  }

  /// For people.
  public var text: String {
    let width = 20
    let head = TableText.left("robustness", width) + policies.map { TableText.right($0, 13) }.joined()
    let lines = rows.map { row in
      TableText.left(row.name, width) + row.merits.map { TableText.right(TableText.number(.number($0)), 13) }.joined()
    }
    let holds = claims.map { "\($0.better) beats \($0.worse) in every row" }
    let turns = flips.map { "no claim: \($0.better) beats \($0.worse) as profiled, and not in every row" }
    return ([head] + lines + holds + turns).joined(separator: "\n")
  }
}
