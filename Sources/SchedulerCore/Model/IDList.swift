/// A set of CPU or NUMA node numbers in the kernel's list notation ("0-3,8"), ascending.
public struct IDList: Hashable, Codable, Sendable, CustomStringConvertible {
  /// Largest number taken; a list beyond it is not understood. Kernels have at most 8,192 CPUs.
  public static let idLimit = 1 << 16

  /// Ascending, without repetition.
  public private(set) var ids: [Int]

  public init(_ ids: some Sequence<Int> = []) {
    self.ids = ids.sorted()
    var last: Int?
    self.ids.removeAll { id in
      defer { last = id }
      return id == last
    }
  }

  /// Reads list notation; empty text is the empty list. nil for anything else, and for numbers above `idLimit`.
  public init?(_ text: String) {
    var ids: [Int] = []
    for part in text.split(separator: ",", omittingEmptySubsequences: false) where !text.isEmpty {
      let ends = part.split(separator: "-", omittingEmptySubsequences: false)
      guard (1...2).contains(ends.count), let first = Self.number(ends[0]),
        let last = Self.number(ends[ends.count - 1]),
        first <= last
      else { return nil }
      ids.append(contentsOf: first...last)
      guard ids.count <= Self.idLimit else { return nil }
    }
    self.init(ids)
  }

  private static func number(_ text: Substring) -> Int? {
    guard !text.isEmpty, text.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }),
      let value = Int(text), value <= idLimit
    else { return nil }
    return value
  }

  public var isEmpty: Bool { ids.isEmpty }
  public var count: Int { ids.count }
  public var first: Int? { ids.first }

  /// Costs O(log n).
  public func contains(_ id: Int) -> Bool {
    var low = 0
    var high = ids.count
    while low < high {
      let middle = (low + high) / 2
      if ids[middle] < id { low = middle + 1 } else { high = middle }
    }
    return low < ids.count && ids[low] == id
  }

  public func intersection(_ other: IDList) -> IDList { IDList(ids.filter(other.contains)) }
  public func union(_ other: IDList) -> IDList { IDList(ids + other.ids) }
  public func subtracting(_ other: IDList) -> IDList { IDList(ids.filter { !other.contains($0) }) }
  public func isSubset(of other: IDList) -> Bool { ids.allSatisfy(other.contains) }

  /// List notation.
  public var description: String {
    var parts: [String] = []
    var start = 0
    for index in ids.indices where index + 1 == ids.count || ids[index + 1] != ids[index] + 1 {
      parts.append(start == index ? "\(ids[index])" : "\(ids[start])-\(ids[index])")
      start = index + 1
    }
    return parts.joined(separator: ",")
  }
}
