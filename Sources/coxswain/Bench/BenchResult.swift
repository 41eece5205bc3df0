import WireProtocol

/// One line of `bench`.
struct BenchResult {
  var name: String
  var unit: String
  var quantiles: Quantiles
  /// Largest value that is good enough; nil where the figure is there to compare with.
  var targetP50: Double?
  var targetP99: Double?

  /// No target is missed.
  var isMet: Bool { quantiles.p50 <= targetP50 ?? .infinity && quantiles.p99 <= targetP99 ?? .infinity }

  func json(build: String) -> JSONValue {
    [
      "name": .string(name), "unit": .string(unit), "p50": Self.number(quantiles.p50),
      "p99": Self.number(quantiles.p99), "target_p50": targetP50.map(Self.number) ?? .null,
      "target_p99": targetP99.map(Self.number) ?? .null, "met": .bool(isMet), "build": .string(build),
    ]
  }

  static func table(_ results: [BenchResult]) -> TextTable {
    var table = TextTable(["NAME", "UNIT", ">P50", ">P99", ">TARGET P50", ">TARGET P99", "MET"])
    for result in results {
      let hasTarget = result.targetP50 != nil || result.targetP99 != nil
      table.add([
        result.name, result.unit, text(result.quantiles.p50), text(result.quantiles.p99), text(result.targetP50),
        text(result.targetP99), hasTarget ? (result.isMet ? "yes" : "NO") : "-",
      ])
    }
    return table
  }

  /// Two decimals: the clock resolves no more.
  private static func number(_ value: Double) -> JSONValue { .number((value * 100).rounded() / 100) }

  private static func text(_ value: Double?) -> String { value.map { Quantity.decimal($0, places: 2) } ?? "-" }
}
