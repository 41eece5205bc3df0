import SchedulerCore

/// The table of what is between each two GPUs of a machine.
struct PairMatrix {
  /// Empty for fewer than two GPUs.
  let lines: [String]

  /// - Parameter pairs: every pair, in the order of the devices.
  init(_ pairs: [GPUPair]) {
    var count = 1
    // n (n - 1) / 2 pairs belong to n GPUs.
    while count * (count - 1) / 2 < pairs.count { count += 1 }
    guard count > 1 else {
      lines = []
      return
    }
    func mark(_ a: Int, _ b: Int) -> String {
      let (low, high) = (min(a, b), max(a, b))
      return Self.mark(pairs[low * (2 * count - low - 1) / 2 + high - low - 1].closeness)
    }
    let titles = Page.left("", 5) + (0..<count).map { Page.right("\($0)", 4) }.joined()
    lines =
      [titles]
      + (0..<count).map { row in
        Page.left("\(row)", 5) + (0..<count).map { Page.right(row == $0 ? "-" : mark(row, $0), 4) }.joined()
      }
  }

  /// The table under its legend.
  func add(to page: inout Page) {
    guard !lines.isEmpty else { return }
    page.add(
      "Between GPUs",
      "SWI NVSwitch, NVL NVLink, XGM XGMI, PIX one PCIe switch, SOC one socket, SYS across sockets, ? unknown")
    for line in lines { page.add(line, indent: 2) }
  }

  private static func mark(_ closeness: GPUCloseness) -> String {
    switch closeness {
    case .nvswitch: "SWI"
    case .nvlink: "NVL"
    case .xgmi: "XGM"
    case .pcieSwitch: "PIX"
    case .socket: "SOC"
    case .crossSocket: "SYS"
    case .unknown: "?"
    }
  }
}
