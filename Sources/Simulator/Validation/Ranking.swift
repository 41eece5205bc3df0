import WireProtocol

/// Which of several schedulers is better, and whether that is still so when the profile is wrong: a ranking that flips
/// under any perturbation is not claimed.
public struct Ranking: Hashable, Sendable {
  /// One scheduler against another.
  public struct Claim: Hashable, Sendable {
    public let better: String
    public let worse: String
    /// By how much its score is larger with the profile as it is.
    public let lead: Double
    /// The smallest lead under any perturbation.
    public let leastLead: Double
    /// Perturbations under which the other one is better.
    public let flips: [String]

    public var isRobust: Bool { flips.isEmpty }
  }

  /// Leads below this are no ranking.
  public static let leadMin = 0.01

  public let schedulers: [String]
  public let perturbations: [String]
  /// By perturbation, the profile as it is first, then by scheduler; larger is better.
  public let scores: [[Double]]

  /// - Parameter scores: for each perturbation one of each scheduler.
  public init(schedulers: [String], perturbations: [String], scores: [[Double]]) {
    self.schedulers = schedulers
    self.perturbations = perturbations
    self.scores = scores
  }

  /// Every pair that differs with the profile as it is, the largest lead first.
  public var claims: [Claim] {
    var claims: [Claim] = []
    for a in schedulers.indices {
      for b in schedulers.indices where scores[0][a] - scores[0][b] >= Self.leadMin {
        let leads = scores.map { $0[a] - $0[b] }
        claims.append(
          Claim(
            better: schedulers[a], worse: schedulers[b], lead: leads[0], leastLead: leads.min() ?? 0,
            flips: leads.indices.filter { leads[$0] < 0 }.map { perturbations[$0] }))
      }
    }
    return claims.sorted { ($0.lead, $1.better, $1.worse) > ($1.lead, $0.better, $0.worse) }
  }

  public var json: JSONValue {
    let claims: [JSONValue] = claims.map { claim in
      [
        "better": .string(claim.better), "worse": .string(claim.worse), "lead": .number(claim.lead),
        "least_lead": .number(claim.leastLead), "claimed": .bool(claim.isRobust),
        "flips": .array(claim.flips.map { .string($0) }),
      ]
    }
    let rows: [JSONValue] = zip(perturbations, scores).map { name, row in
      [
        "perturbation": .string(name),
        "within_slo_ratio": .object(
          JSONObject(zip(schedulers, row).map { JSONObject.Member($0, .number($1)) })),
      ]
    }
    return ["scores": .array(rows), "claims": .array(claims)]
  }

  public var table: String {
    var lines = [row("in SLO", schedulers)]
    for (name, scores) in zip(perturbations, scores) {
      lines.append(row(name, scores.map { TableText.percent(.number($0)) }))
    }
    lines.append("")
    for claim in claims {
      let lead = "\(TableText.number(.number(claim.lead * 100))) points more in SLO"
      let verdict =
        claim.isRobust
        ? "holds everywhere" : "not claimed: flips with \(claim.flips.joined(separator: "; "))"
      lines.append("\(claim.better) over \(claim.worse): \(lead); \(verdict)")
    }
    return lines.joined(separator: "\n")
  }

  private func row(_ name: String, _ cells: [String]) -> String {
    TableText.left(name, 30)
      + zip(schedulers, cells).map { TableText.right($1, max(8, $0.count) + 2) }.joined()
  }
}
