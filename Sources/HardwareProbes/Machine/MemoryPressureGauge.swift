import SchedulerCore

/// Makes one level of headroom and stall times, rising at once and falling slowly. Pure: the clock is a value.
///
/// Starting points from the field: systemd-oomd acts on full 60 % over 30 s, earlyoom at 10 % and 5 % of memory left,
/// GLib warns at 70 to 100 ms of stall in 2 s.
struct MemoryPressureGauge {
  struct Thresholds: Sendable {
    /// Stall times are looked at over this window. Short stalls are normal.
    var windowMs = 2_000
    /// Share of the window in which some task waited, in hundredths of a percent.
    var warnSomeCentipercent = 350
    /// Share of the window in which all tasks waited.
    var shrinkFullCentipercent = 500
    /// Room left below the binding limit, in percent of it.
    var shrinkHeadroomPercent = 10
    var closeHeadroomPercent = 5
    /// A level is left when its figures are better than its threshold by one part in so many...
    var easeParts = 5
    /// ...for so long.
    var easeMs = 5_000
  }

  struct Look: Sendable {
    var nowMs: Int
    /// `total=` of the kernel's memory pressure file; nil where it is not offered.
    var someTotalUs: Int?
    var fullTotalUs: Int?
    var headroomBytes: Int?
    /// The limit that the headroom is counted from.
    var capacityBytes: Int?
  }

  private let thresholds: Thresholds
  private var looks: [Look] = []
  private var easedSinceMs: Int?
  private(set) var level = MemoryPressureLevel.none

  init(thresholds: Thresholds = Thresholds()) { self.thresholds = thresholds }

  /// The level after this look; nil if neither headroom nor stall times are known.
  mutating func update(_ look: Look) -> MemoryPressureLevel? {
    // A counter that fell is another machine's, or a wrapped one: the window starts anew.
    if let last = looks.last, (look.someTotalUs ?? 0) < (last.someTotalUs ?? 0) || look.nowMs < last.nowMs {
      looks.removeAll()
    }
    looks.append(look)
    while looks.count > 2, look.nowMs - looks[1].nowMs >= thresholds.windowMs { looks.removeFirst() }
    guard look.headroomBytes != nil && look.capacityBytes != nil || look.someTotalUs != nil else { return nil }
    let now = level(eased: false)
    if now >= level {
      level = now
      easedSinceMs = nil
      return level
    }
    let relaxed = level(eased: true)
    guard relaxed < level else {
      easedSinceMs = nil
      return level
    }
    let since = easedSinceMs ?? look.nowMs
    easedSinceMs = since
    if look.nowMs - since >= thresholds.easeMs {
      level = relaxed
      easedSinceMs = nil
    }
    return level
  }

  /// What the figures alone say; eased: with thresholds that a level must stay below to be left.
  private func level(eased: Bool) -> MemoryPressureLevel {
    let parts = thresholds.easeParts
    func stall(_ limit: Int) -> Int { eased ? limit * (parts - 1) / parts : limit }
    func room(_ limit: Int) -> Double { Double(eased ? limit * (parts + 1) : limit * parts) }
    if let look = looks.last, let headroom = look.headroomBytes, let capacity = look.capacityBytes, capacity > 0 {
      let share = Double(headroom) / Double(capacity) * 100 * Double(parts)
      if share < room(thresholds.closeHeadroomPercent) { return .close }
      if share < room(thresholds.shrinkHeadroomPercent) { return .shrink }
    }
    if stallCentipercent(\.fullTotalUs) > stall(thresholds.shrinkFullCentipercent) { return .shrink }
    return stallCentipercent(\.someTotalUs) > stall(thresholds.warnSomeCentipercent) ? .warn : .none
  }

  /// Share of the window that was waited; 0 while there is no window yet.
  private func stallCentipercent(_ total: KeyPath<Look, Int?>) -> Int {
    guard let first = looks.first, let last = looks.last, let from = first[keyPath: total],
      let to = last[keyPath: total], last.nowMs > first.nowMs
    else { return 0 }
    return max(0, to - from) * 10 / (last.nowMs - first.nowMs)
  }
}
