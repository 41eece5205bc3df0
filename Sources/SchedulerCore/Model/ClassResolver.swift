/// Session name -> class of the policy. Resolved once per name and policy; unknown names fall to the default class.
struct ClassResolver: Codable, Sendable {
  private let classes: [PolicyConfig.RequestClass]
  private let defaultIndex: Int
  /// Name index -> class index; -1 not resolved yet.
  private var resolved: ContiguousArray<Int32> = []

  init(_ policy: PolicyConfig) {
    classes = policy.classes
    defaultIndex = policy.classes.firstIndex { $0.name == policy.defaultClass } ?? 0
  }

  /// Index into the policy's classes.
  mutating func classIndex(of name: Int32, names: NameTable) -> Int {
    let index = Int(name)
    if index >= resolved.count {
      resolved.append(contentsOf: repeatElement(-1, count: names.count - resolved.count))
    }
    if resolved[index] < 0 {
      let wanted = names.name(index)
      resolved[index] = Int32(classes.firstIndex { $0.name == wanted } ?? defaultIndex)
    }
    return Int(resolved[index])
  }

  mutating func rank(of name: Int32, names: NameTable) -> Int { classes[classIndex(of: name, names: names)].rank }

  /// Rank of a name that `rank` resolved before: every mirrored request's class was, on arrival.
  func resolvedRank(of name: Int32) -> Int { classes[resolvedIndex(of: name)].rank }

  /// Index into the policy's classes of a name that was resolved before.
  func resolvedIndex(of name: Int32) -> Int {
    let index = Int(name)
    return index < resolved.count && resolved[index] >= 0 ? Int(resolved[index]) : defaultIndex
  }
}
