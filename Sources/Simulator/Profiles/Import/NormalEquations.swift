/// The sums of a least-squares problem of a few unknowns: J'J and J'r, of which any subset of unknowns can be solved.
struct NormalEquations {
  let count: Int
  private var matrix: [Double]
  private(set) var gradient: [Double]

  init(count: Int) {
    self.count = count
    matrix = Array(repeating: 0, count: count * count)
    gradient = Array(repeating: 0, count: count)
  }

  /// Adds one row with its derivatives and its value.
  mutating func add(_ row: [Double], _ value: Double) {
    for i in 0..<count where row[i] != 0 {
      gradient[i] += row[i] * value
      for j in 0...i { matrix[i * count + j] += row[i] * row[j] }
    }
  }

  func diagonal(_ i: Int) -> Double { matrix[i * count + i] }

  private func entry(_ i: Int, _ j: Int) -> Double { i >= j ? matrix[i * count + j] : matrix[j * count + i] }

  /// Solves (J'J + damping * diag(J'J)) x = -J'r over the unknowns in `free`, by Cholesky; 0 elsewhere. nil when they
  /// do not determine each other.
  func solution(free: [Int], damping: Double) -> [Double]? {
    let n = free.count
    var lower = Array(repeating: 0.0, count: n * n)
    for i in 0..<n {
      for j in 0...i {
        var sum = entry(free[i], free[j]) * (i == j ? 1 + damping : 1)
        for k in 0..<j { sum -= lower[i * n + k] * lower[j * n + k] }
        guard i == j else {
          lower[i * n + j] = sum / lower[j * n + j]
          continue
        }
        guard sum > Self.pivotMin * diagonal(free[i]) else { return nil }
        lower[i * n + i] = sum.squareRoot()
      }
    }
    var solved = free.map { -gradient[$0] }
    for i in 0..<n {
      for k in 0..<i { solved[i] -= lower[i * n + k] * solved[k] }
      solved[i] /= lower[i * n + i]
    }
    for i in (0..<n).reversed() {
      for k in (i + 1)..<max(n, i + 1) { solved[i] -= lower[k * n + i] * solved[k] }
      solved[i] /= lower[i * n + i]
    }
    var x = Array(repeating: 0.0, count: count)
    for (index, i) in free.enumerated() { x[i] = solved[index] }
    return x
  }

  /// Share of an unknown's own sum below which what is left of it after elimination is noise.
  private static let pivotMin = 1e-13
}
