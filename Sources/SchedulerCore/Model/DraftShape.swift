/// How many candidates each level of a request's drafts has: a chain has one at each, a tree more at its first levels.
///
/// Level j holds candidates for the j-th token from here on; at most one of them is right. Drafts count in level order:
/// so many drafts fill the levels from the first on. Kept beside that number, in three bits a level (SpecInfer's
/// expansion configuration, arXiv 2305.09781).
public struct DraftShape: RawRepresentable, Hashable, Codable, Sendable {
  public static let chain = DraftShape(rawValue: 0)
  /// Levels that may have more than one candidate.
  public static let wideLevelsMax = 10
  /// Candidates of one level.
  public static let widthMax = 8
  private static let bits = 3

  /// Candidates of each level beside the first, the first level lowest.
  public let rawValue: UInt32

  public init(rawValue: UInt32) { self.rawValue = rawValue }

  /// - Parameter widths: candidates of each level, 1...`widthMax`; more than one at the first `wideLevelsMax` only.
  public init(widths: some Sequence<Int>) {
    var raw: UInt32 = 0
    for (index, width) in widths.enumerated() where width > 1 {
      precondition(width <= Self.widthMax && index < Self.wideLevelsMax, "width \(width) at level \(index + 1)")
      raw |= UInt32(width - 1) << UInt32(index * Self.bits)
    }
    self.init(rawValue: raw)
  }

  public var isChain: Bool { rawValue == 0 }

  /// Candidates of a level, counted from 1.
  public func width(_ level: Int) -> Int {
    guard level <= Self.wideLevelsMax else { return 1 }
    return 1 + Int(rawValue >> UInt32((level - 1) * Self.bits)) & (Self.widthMax - 1)
  }

  /// One candidate more at a level, counted from 1, that has room for it.
  func widened(_ level: Int) -> DraftShape {
    DraftShape(rawValue: rawValue + 1 << UInt32((level - 1) * Self.bits))
  }

  /// Levels that so many drafts fill or begin.
  public func depth(drafts: Int) -> Int {
    guard !isChain else { return drafts }
    var left = drafts
    var level = 0
    while left > 0 {
      level += 1
      left -= width(level)
    }
    return level
  }

  /// The shape of the first `drafts` drafts in level order.
  public func cut(to drafts: Int) -> DraftShape {
    guard !isChain else { return self }
    var left = drafts
    var widths: [Int] = []
    while left > 0 {
      widths.append(min(left, width(widths.count + 1)))
      left -= widths[widths.count - 1]
    }
    return DraftShape(widths: widths)
  }

  /// Candidates of the levels that so many drafts fill, as the wire writes them: `"321"`. Empty for a chain.
  public func digits(drafts: Int) -> String {
    guard !isChain else { return "" }
    return (1...max(1, depth(drafts: drafts))).reduce(into: "") { $0 += String(width($1)) }
  }

  /// What `digits` wrote, with the drafts that it stands for. nil for anything else.
  public static func read(_ digits: String) -> (shape: DraftShape, drafts: Int)? {
    var widths: [Int] = []
    for character in digits.utf8 {
      let width = Int(character) - Int(UInt8(ascii: "0"))
      guard (1...widthMax).contains(width), width == 1 || widths.count < wideLevelsMax else { return nil }
      widths.append(width)
    }
    return (DraftShape(widths: widths), widths.reduce(0, +))
  }
}
