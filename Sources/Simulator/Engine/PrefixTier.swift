/// Host memory for prefix blocks that left the GPU, the least recently used given up first. What comes back stays here
/// too, so that it need not be copied out again.
struct PrefixTier: Sendable {
  private struct Entry {
    var parent: UInt64?
    var lastUse: UInt64
  }

  private let blockBytes: Int
  private let bytesPerS: Double
  private let fullBlocks: Int
  private(set) var capacityBlocks: Int
  private var entries: [UInt64: Entry] = [:]
  /// Oldest first; an item whose `lastUse` is outdated is skipped.
  private var line: [(key: UInt64, lastUse: UInt64)] = []
  private var head = 0
  private var tick: UInt64 = 0
  /// Outdated items in line before they are dropped, beside as many again as there are blocks.
  private static let outdatedMax = 4_096

  /// - Parameters:
  ///   - bytes: room for blocks of `blockBytes` each.
  ///   - bytesPerS: one direction of the link.
  init(bytes: Int, blockBytes: Int, bytesPerS: Double) {
    self.blockBytes = blockBytes
    self.bytesPerS = bytesPerS
    fullBlocks = bytes / max(1, blockBytes)
    capacityBlocks = fullBlocks
  }

  var count: Int { entries.count }

  func contains(_ key: UInt64) -> Bool { entries[key] != nil }

  /// The block in front of a block that is here; nil for a prompt's first.
  func parent(of key: UInt64) -> UInt64? { entries[key]?.parent }

  /// A block left the GPU. True when it had to be copied.
  mutating func add(_ key: UInt64, parent: UInt64?) -> Bool {
    guard capacityBlocks > 0 else { return false }
    let isNew = entries[key] == nil
    tick += 1
    entries[key] = Entry(parent: parent, lastUse: tick)
    line.append((key, tick))
    giveUp(to: capacityBlocks)
    if line.count - head > 2 * entries.count + Self.outdatedMax { dropOutdated() }
    return isNew
  }

  /// Leaves this share of the tier usable; what no longer fits is lost.
  mutating func limit(toShare share: Double) {
    capacityBlocks = Int(Double(fullBlocks) * share)
    giveUp(to: capacityBlocks)
  }

  /// Microseconds that blocks take over the link, rounded up.
  func transferUs(blocks: Int) -> Int {
    bytesPerS > 0 ? Int((Double(blocks * blockBytes) / bytesPerS * 1_000_000).rounded(.up)) : 0
  }

  private mutating func giveUp(to most: Int) {
    while entries.count > most, head < line.count {
      let oldest = line[head]
      head += 1
      if entries[oldest.key]?.lastUse == oldest.lastUse { entries[oldest.key] = nil }
    }
    guard head > 1_024, head * 2 > line.count else { return }
    line.removeFirst(head)
    head = 0
  }

  private mutating func dropOutdated() {
    line.removeFirst(head)
    head = 0
    line.removeAll { entries[$0.key]?.lastUse != $0.lastUse }
  }
}
