/// (x^4 + y^4)^(1/4) with its derivatives.
struct SoftMaximum {
  let value: Double
  let byFirst: Double
  let bySecond: Double

  init(_ x: Double, _ y: Double) {
    let x2 = x * x
    let y2 = y * y
    let value = (x2 * x2 + y2 * y2).squareRoot().squareRoot()
    self.value = value
    let cube = value * value * value
    byFirst = cube > 0 ? x2 * x / cube : 0
    bySecond = cube > 0 ? y2 * y / cube : 0
  }
}
