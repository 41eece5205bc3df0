/// A line chart as inline SVG: it scales with the page and takes its colours from the page's style.
struct SVGChart {
  struct Series {
    var name: String
    var points: [(x: Double, y: Double)]
    /// Which of the page's series colours, from 0.
    var colour: Int
    var isDashed = false
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

  private static let width = 640.0
  private static let height = 320.0
  private static let left = 56.0
  private static let right = 16.0
  private static let top = 12.0
  private static let bottom = 44.0
  private static let ticks = 5

  func svg() -> String {
    let scale = Scale(self)
    var parts = [
      "<figure><figcaption>\(HTMLText.escaped(title))</figcaption>",
      "<svg viewBox=\"0 0 640 320\" role=\"img\" aria-label=\"\(HTMLText.escaped(title))\">",
    ]
    parts += grid(scale)
    if let mark { parts += line(mark, scale) }
    for one in series where !one.points.isEmpty {
      let points = one.points.map { "\(HTMLText.decimal(scale.x($0.x), 1)),\(HTMLText.decimal(scale.y($0.y), 1))" }
      let dash = one.isDashed ? " stroke-dasharray=\"6 4\"" : ""
      parts.append(
        "<polyline class=\"s s\(one.colour % HTMLText.colours)\"\(dash) points=\"\(points.joined(separator: " "))\"/>")
    }
    parts.append("</svg>" + legend + "</figure>")
    return parts.joined(separator: "\n")
  }

  private var legend: String {
    let items = series.map { "<span class=\"k k\($0.colour % HTMLText.colours)\">\(HTMLText.escaped($0.name))</span>" }
    return "<p class=\"legend\">\(items.joined(separator: " "))</p>"
  }

  private func grid(_ scale: Scale) -> [String] {
    var parts: [String] = []
    for tick in scale.yTicks {
      let y = HTMLText.decimal(scale.y(tick), 1)
      parts.append("<line class=\"g\" x1=\"56\" x2=\"624\" y1=\"\(y)\" y2=\"\(y)\"/>")
      parts.append("<text class=\"e\" x=\"50\" y=\"\(y)\" dy=\"4\">\(HTMLText.short(tick))</text>")
    }
    for tick in scale.xTicks {
      let x = HTMLText.decimal(scale.x(tick), 1)
      parts.append("<line class=\"g\" x1=\"\(x)\" x2=\"\(x)\" y1=\"12\" y2=\"276\"/>")
      parts.append("<text class=\"m\" x=\"\(x)\" y=\"292\">\(HTMLText.short(tick))</text>")
    }
    parts.append("<text class=\"m\" x=\"340\" y=\"312\">\(HTMLText.escaped(xTitle))</text>")
    parts.append("<text class=\"y\" x=\"60\" y=\"24\">\(HTMLText.escaped(yTitle))</text>")
    return parts
  }

  private func line(_ mark: (x: Double, label: String), _ scale: Scale) -> [String] {
    let x = HTMLText.decimal(scale.x(mark.x), 1)
    return [
      "<line class=\"b\" x1=\"\(x)\" x2=\"\(x)\" y1=\"12\" y2=\"276\"/>",
      "<text class=\"e\" x=\"\(x)\" y=\"40\" dx=\"-6\">\(HTMLText.escaped(mark.label))</text>",
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
      xLow = chart.isLogX ? HTMLText.powerOfTen(atMost: max(low, 0.1)) : min(0, low)
      xHigh = max(chart.isLogX ? HTMLText.powerOfTen(atLeast: max(high, 1)) : high * 1.05, xLow + 1e-6)
      yHigh = max(chart.yMax ?? (chart.series.flatMap { $0.points.map(\.y) }.max() ?? 1) * 1.08, 1e-6)
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

    var yTicks: [Double] { HTMLText.ticks(to: yHigh, count: SVGChart.ticks) }

    var xTicks: [Double] {
      guard isLogX else { return HTMLText.ticks(to: xHigh, count: SVGChart.ticks + 1) }
      var ticks: [Double] = []
      var tick = xLow
      while tick <= xHigh * 1.001 {
        ticks.append(tick)
        tick *= 10
      }
      return ticks
    }
  }
}
