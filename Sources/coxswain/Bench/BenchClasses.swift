/// Of which classes a `BenchEngine`'s requests are.
struct BenchClasses {
  var names: [String]
  /// Class of the n-th request that runs from the beginning or arrives later, over and over.
  var turns: [Int]
  /// Class of those that wait from the beginning; nil: by turns as well.
  var waiting: Int?

  /// Three classes that matter alike.
  static let alike = BenchClasses(names: ["chat", "agent", "batch"], turns: [0, 1, 2])

  /// The five classes of the preset `at-least`, so that each of the ten parts of the engine is in use: every class's
  /// own capacity, that of a better class by each of the four lower ones, and what nobody reserved. Of 256 places 76,
  /// 64, 51, 25 and 12 belong to the classes; the best leaves 56 idle, since only requests of the lowest wait for long.
  static let lending = BenchClasses(
    names: ["interactive", "chat", "standard", "batch", "spot"], turns: spread([20, 80, 70, 50, 36]), waiting: 4)

  func index(of request: Int) -> Int { turns[request % turns.count] }

  /// Each class as often as its count says, as evenly as can be.
  private static func spread(_ counts: [Int]) -> [Int] {
    let total = counts.reduce(0, +)
    var credits = counts.map { _ in 0 }
    return (0..<total).map { _ in
      var next = 0
      for index in counts.indices {
        credits[index] += counts[index]
        if credits[index] > credits[next] { next = index }
      }
      credits[next] -= total
      return next
    }
  }
}
