/// Lays a sample out as lines of text. Pure: the same samples and size give the same lines.
enum TopScreen {
  static let barWidth = 30
  /// Columns of a server's name, so that a session's line fits 80 columns.
  static let serverWidth = 18
  /// Tenants shown, those charged most first.
  static let tenantLimit = 8

  /// - Parameters:
  ///   - previous: an earlier sample, for rates; without one they are left out.
  ///   - width: columns; longer lines are cut.
  static func lines(_ sample: TopSample, since previous: TopSample?, width: Int) -> [String] {
    var lines = [sample.headline] + [sample.drain].compactMap(\.self)
    lines += [totals(sample), work(sample), sample.slack.line, sample.pressure, ""]
    if sample.sessions.isEmpty {
      lines.append("no engine is registered")
    } else {
      lines += sessionTable(sample, previous).lines() + [""] + memoryTable(sample).lines()
    }
    if !sample.classes.isEmpty {
      lines += ["", "QUEUE BY CLASS" + coverage(sample)] + classTable(sample).lines()
    }
    if !sample.tenants.isEmpty { lines += [""] + tenantTable(sample).lines() }
    return lines.map { String($0.prefix(width)) }
  }

  private static func totals(_ sample: TopSample) -> String {
    func sum(_ value: (SessionStatus) -> Int) -> String {
      Quantity.count(sample.sessions.reduce(0) { $0 + value($1) })
    }
    let count = sample.sessions.count
    return "\(count) \(count == 1 ? "session" : "sessions"), \(sum(\.running)) running, \(sum(\.waiting)) waiting, "
      + "\(sum(\.blocked)) blocked, \(sum(\.steps)) steps, \(sum(\.fallbacks)) fallbacks"
  }

  /// How fast the sidecar answers, and what drafts are worth.
  private static func work(_ sample: TopSample) -> String {
    let halves = sample.sessions.compactMap(\.stepP50Us)
    let tails = sample.sessions.compactMap(\.stepP99Us)
    let steps =
      halves.isEmpty
      ? "no Step yet"
      : "steps answered in p50 <= \(Quantity.duration(us: halves.max() ?? 0)), "
        + "p99 " + (tails.max().map { "<= \(Quantity.duration(us: $0))" } ?? "beyond 100 ms")
    let drafted = sample.sessions.reduce(0) { $0 + $1.draftedTokens }
    let accepted = sample.sessions.reduce(0) { $0 + $1.acceptedTokens }
    return steps + (drafted > 0 ? "; drafts accepted \(Quantity.percent(accepted, of: drafted))" : "; no drafts")
  }

  private static func coverage(_ sample: TopSample) -> String {
    guard sample.listedRequests < sample.totalRequests else { return "" }
    return " (first \(Quantity.count(sample.listedRequests)) of \(Quantity.count(sample.totalRequests)) requests)"
  }

  private static func sessionTable(_ sample: TopSample, _ previous: TopSample?) -> TextTable {
    var table = TextTable([
      "SESSION", "SERVER", "STATE", ">RUN", ">WAIT", ">BLK", ">STEPS/S", ">TOK/S", ">FOLLOWED",
    ])
    for session in sample.sessions {
      let before = previous?.sessions.first { $0.name == session.name && $0.server == session.server }
      let span = Double(sample.takenUs - (previous?.takenUs ?? sample.takenUs)) / 1e6
      func rate(_ value: (SessionStatus) -> Int) -> String {
        guard let before, span > 0, value(session) >= value(before) else { return "-" }
        return Quantity.short(Double(value(session) - value(before)) / span)
      }
      table.add([
        session.name, shortened(session.server), session.state, Quantity.count(session.running),
        Quantity.count(session.waiting),
        Quantity.count(session.blocked), rate(\.steps), rate(\.executedTokens),
        Quantity.percent(session.executedTokens, of: session.plannedTokens),
      ])
    }
    return table
  }

  /// Used KV blocks as a bar and in figures.
  private static func memoryTable(_ sample: TopSample) -> TextTable {
    var table = TextTable(["SESSION", "KV BLOCKS IN USE", ">SHARE", ">FREE", ">TOTAL"])
    for session in sample.sessions {
      guard let blocks = session.blocks, blocks.total > 0 else {
        table.add([session.name, "-"])
        continue
      }
      let used = max(0, min(blocks.total, blocks.total - blocks.free))
      let filled = (used * barWidth + blocks.total / 2) / blocks.total
      table.add([
        session.name, String(repeating: "#", count: filled) + String(repeating: ".", count: barWidth - filled),
        Quantity.percent(used, of: blocks.total), Quantity.count(blocks.free), Quantity.count(blocks.total),
      ])
    }
    return table
  }

  /// A long name keeps its beginning and its end, where the rank is.
  private static func shortened(_ name: String) -> String {
    guard name.count > serverWidth else { return name }
    let tail = serverWidth / 2
    return name.prefix(serverWidth - tail - 1) + "~" + name.suffix(tail)
  }

  private static func classTable(_ sample: TopSample) -> TextTable {
    var table = TextTable(["CLASS", ">RUNNING", ">WAITING", ">BLOCKED", ">OLDEST WAITING"])
    for queue in sample.classes {
      table.add([
        queue.name, Quantity.count(queue.running), Quantity.count(queue.waiting), Quantity.count(queue.blocked),
        queue.waiting > 0 ? Quantity.duration(us: queue.oldestWaitingUs) : "-",
      ])
    }
    return table
  }

  private static func tenantTable(_ sample: TopSample) -> TextTable {
    var table = TextTable(["TENANT", ">CHARGED TOKENS"])
    let most = sample.tenants.sorted { ($1.chargedTokens, $0.name) < ($0.chargedTokens, $1.name) }
    for tenant in most.prefix(tenantLimit) { table.add([tenant.name, Quantity.count(tenant.chargedTokens)]) }
    return table
  }
}
