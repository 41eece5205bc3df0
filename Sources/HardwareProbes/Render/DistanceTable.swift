/// The table of distances between NUMA nodes, as the firmware states them; 10 is local.
struct DistanceTable {
  let lines: [String]

  init(nodes: [Int], rows: [[Int]]) {
    let cell = 2 + max(3, nodes.map { "\($0)".count }.max() ?? 0)
    let titles = nodes.map { Page.right("\($0)", cell) }.joined()
    var lines = [Page.left("distance", 9) + titles]
    for (node, row) in zip(nodes, rows) {
      let cells = row.map { Page.right($0 == 0 ? "-" : "\($0)", cell) }.joined()
      lines.append(Page.right("\(node)", 8) + " " + cells)
    }
    self.lines = lines
  }
}
