import Testing
import WireProtocol

@testable import coxswain

@Suite struct TextTests {
  @Test(arguments: [(0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567"), (-45_678, "-45,678")])
  func countsAreGrouped(_ value: Int, _ text: String) { #expect(Quantity.count(value) == text) }

  @Test(arguments: [
    (0, "0 us"), (999, "999 us"), (1000, "1.00 ms"), (12_345, "12.3 ms"), (4_560_000, "4.56 s"),
    (185_000_000, "3m05s"), (7_620_000_000, "2h07m"), (356_400_000_000, "4d03h"), (-1500, "-1.50 ms"),
  ])
  func durationsHaveAUnitThatFits(_ us: Int, _ text: String) { #expect(Quantity.duration(us: us) == text) }

  @Test(arguments: [(0.0, 2, "0.00"), (1.005, 1, "1.0"), (-0.25, 1, "-0.3"), (12.5, 0, "13"), (0.04, 1, "0.0")])
  func decimalsAreRounded(_ value: Double, _ places: Int, _ text: String) {
    #expect(Quantity.decimal(value, places: places) == text)
  }

  @Test func infinityIsNoNumber() { #expect(Quantity.decimal(.infinity, places: 1) == "-") }

  @Test func sharesOfNothingAreUnknown() {
    #expect(Quantity.percent(1, of: 0) == "-")
    #expect(Quantity.percent(1, of: 8) == "12.5%")
  }

  @Test func columnsAreAlignedAndLinesEndWithoutSpaces() {
    var table = TextTable(["NAME", ">N"])
    table.add(["a", "1"])
    table.add(["longer name", "1,000"])
    #expect(table.text == "NAME             N\na                1\nlonger name  1,000\n")
    table.add(["b"])
    #expect(table.lines().last == "b")
    #expect(table.lines(width: 6).allSatisfy { $0.count <= 6 })
  }

  /// Groups with nobody waiting are not shown.
  @Test func groupsThatWaitAreShown() {
    func group(_ className: String, _ adapter: String, waiting: Int) -> JSONValue {
      [
        "class": .string(className), "adapter": .string(adapter), "ttft_slo_ms": 500, "waiting": JSONValue(waiting),
        "oldest_us": 900_000, "wait_us": 1_200_000, "wait_most_us": 2_000_000, "in_slo_ratio": .number(0.25),
      ]
    }
    let table = StatusCommand.groupTable([
      ["session": "s-1", "groups": [group("chat", "", waiting: 7), group("batch", "", waiting: 0)]],
      ["session": "s-2", "groups": [group("chat", "lora-1", waiting: 1), group("", "", waiting: 2)]],
      ["session": "s-3"],
    ])
    #expect(table.rows.map { $0[1] } == ["chat", "chat, lora-1", "(others)"])
    #expect(table.rows[0] == ["s-1", "chat", "500 ms", "7", "900 ms", "1.20 s", "2.00 s", "25.0%"])
  }

  @Test func controlCharactersAreReplaced() {
    var table = TextTable(["ID"])
    table.add(["a\u{1B}[2J\u{07}\nb\u{202E}"])
    #expect(table.lines()[1] == "a\u{FFFD}[2J\u{FFFD}\u{FFFD}b\u{FFFD}")
  }

  @Test func percentilesAreNearestRank() {
    var distribution = Distribution(capacity: 100)
    for value in (1...100).reversed() { distribution.add(value * 1000) }
    let quantiles = distribution.quantiles()
    #expect(quantiles.p50 == 50)
    #expect(quantiles.p99 == 99)
  }
}
