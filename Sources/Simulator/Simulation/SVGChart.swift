/// A chart as inline SVG: it scales with the page and takes its colours from the page's style. The drawing is small, so
/// that its text stays readable on a phone.
struct SVGChart {
  struct Series {
    var name: String
    var points: [(x: Double, y: Double)]
    /// Which of the page's series colours, from 0.
    var colour: Int
    var isDashed = false
    /// Heights at the same places that the series stands on: it is drawn as an area above them. nil: a line.
    var base: [Double]?
  }

  var title: String
  var xTitle: String
  var yTitle: String
  var series: [Series]
  /// A labelled vertical line.
  var mark: (x: Double, label: String)?
  var isLogX = false
  /// nil: from the data.
  var yMax: Double?

  private static let width = 420.0
  private static let height = 260.0
  private static let left = 46.0
  private static let right = 20.0
  private static let top = 26.0
  private static let bottom = 40.0
  private static let ticks = 4
  private static let logTicks = 7

  func svg() -> String {
    let scale = Scale(self)
    let name = HTMLText.escaped(title)
    var parts = [
      "<figure><figcaption>\(name)</figcaption>",
      "<svg viewBox=\"0 0 \(Int(Self.width)) \(Int(Self.height))\" role=\"img\" aria-label=\"\(name)\">",
    ]
    parts += grid(scale)
    for one in series where one.base != nil { parts.append(area(one, scale)) }
    if let mark { parts += line(mark, scale) }
    for one in series where one.base == nil { parts += curve(one, scale) }
    parts.append("</svg>" + legend + "</figure>")
    return parts.joined(separator: "\n")
  }

  private var legend: String {
    let items = series.map { one in
      let dash = one.isDashed ? " d" : ""
      return "<span class=\"k k\(one.colour % HTMLText.colours)\(dash)\">\(HTMLText.escaped(one.name))</span>"
    }
    return "<p class=\"legend\">\(items.joined(separator: " "))</p>"
  }

  private func curve(_ one: Series, _ scale: Scale) -> [String] {
    guard !one.points.isEmpty else { return [] }
    let colour = one.colour % HTMLText.colours
    let dash = one.isDashed ? " stroke-dasharray=\"5 4\"" : ""
    let points = one.points.map { scale.place($0.x, $0.y) }.joined(separator: " ")
    var parts = ["<polyline class=\"s s\(colour)\"\(dash) points=\"\(points)\"/>"]
    // A single point has no line, few ones are worth seeing.
    if one.points.count <= Self.dotsMax, !one.isDashed {
      parts += one.points.map { point in
        let x = HTMLText.decimal(scale.x(point.x), 1)
        let y = HTMLText.decimal(scale.y(point.y), 1)
        return "<circle class=\"f f\(colour)\" cx=\"\(x)\" cy=\"\(y)\" r=\"2.5\"/>"
      }
    }
    return parts
  }

  private static let dotsMax = 16

  private func area(_ one: Series, _ scale: Scale) -> String {
    let above = one.points.map { scale.place($0.x, $0.y) }
    let below = zip(one.points, one.base ?? []).map { scale.place($0.x, $1) }.reversed()
    let points = (above + below).joined(separator: " ")
    return "<polygon class=\"f f\(one.colour % HTMLText.colours)\" points=\"\(points)\"/>"
  }

  private func grid(_ scale: Scale) -> [String] {
    var parts: [String] = []
    let (left, right) = (Int(Self.left), Int(Self.width - Self.right))
    let (top, bottom) = (Int(Self.top), Int(Self.height - Self.bottom))
    for tick in scale.yTicks {
      let y = HTMLText.decimal(scale.y(tick), 1)
      parts.append("<line class=\"g\" x1=\"\(left)\" x2=\"\(right)\" y1=\"\(y)\" y2=\"\(y)\"/>")
      parts.append("<text class=\"e\" x=\"\(left - 5)\" y=\"\(y)\" dy=\"4\">\(HTMLText.short(tick))</text>")
    }
    for tick in scale.xTicks {
      let x = HTMLText.decimal(scale.x(tick), 1)
      parts.append("<line class=\"g\" x1=\"\(x)\" x2=\"\(x)\" y1=\"\(top)\" y2=\"\(bottom)\"/>")
      parts.append("<text class=\"m\" x=\"\(x)\" y=\"\(bottom + 16)\">\(HTMLText.short(tick))</text>")
    }
    let middle = (left + right) / 2
    parts.append("<text class=\"m\" x=\"\(middle)\" y=\"\(bottom + 34)\">\(HTMLText.escaped(xTitle))</text>")
    parts.append("<text class=\"y\" x=\"4\" y=\"14\">\(HTMLText.escaped(yTitle))</text>")
    return parts
  }

  private func line(_ mark: (x: Double, label: String), _ scale: Scale) -> [String] {
    let x = HTMLText.decimal(scale.x(mark.x), 1)
    let bottom = Int(Self.height - Self.bottom)
    return [
      "<line class=\"b\" x1=\"\(x)\" x2=\"\(x)\" y1=\"\(Int(Self.top))\" y2=\"\(bottom)\"/>",
      "<text class=\"e h\" x=\"\(x)\" y=\"\(bottom - 8)\" dx=\"-5\">\(HTMLText.escaped(mark.label))</text>",
    ]
  }

  /// From data to the drawing's units.
  private struct Scale {
    var xLow: Double
    var xHigh: Double
    var yHigh: Double
    var isLogX: Bool

    init(_ chart: SVGChart) {
      let xs = chart.series.flatMap { $0.points.map(\.x) } + (chart.mark.map { [$0.x] } ?? [])
      isLogX = chart.isLogX
      let low = xs.min() ?? 0
      let high = xs.max() ?? 1
      xLow = chart.isLogX ? max(low, 0.1) / 1.2 : min(0, low)
      xHigh = max(chart.isLogX ? high * 1.1 : high * 1.02, xLow * 1.01 + 1e-6)
      yHigh = max(chart.yMax ?? (chart.series.flatMap { $0.points.map(\.y) }.max() ?? 1) * 1.05, 1e-6)
    }

    func x(_ value: Double) -> Double {
      let share =
        isLogX ? HTMLText.log(max(value, xLow) / xLow) / HTMLText.log(xHigh / xLow) : (value - xLow) / (xHigh - xLow)
      return SVGChart.left + share * (SVGChart.width - SVGChart.left - SVGChart.right)
    }

    func y(_ value: Double) -> Double {
      let share = min(1, value / yHigh)
      return SVGChart.height - SVGChart.bottom - share * (SVGChart.height - SVGChart.bottom - SVGChart.top)
    }

    func place(_ x: Double, _ y: Double) -> String {
      HTMLText.decimal(self.x(x), 1) + "," + HTMLText.decimal(self.y(y), 1)
    }

    var yTicks: [Double] { HTMLText.ticks(to: yHigh, count: SVGChart.ticks) }

    var xTicks: [Double] {
      isLogX
        ? HTMLText.logTicks(from: xLow, to: xHigh, most: SVGChart.logTicks)
        : HTMLText.ticks(to: xHigh, count: SVGChart.ticks + 1)
    }
  }
}
