/// An object with its members in order, for documents off the hot path. Lookup is linear.
public struct JSONObject: Hashable, Sendable, ExpressibleByDictionaryLiteral {
  public struct Member: Hashable, Sendable {
    public var name: String
    public var value: JSONValue

    public init(_ name: String, _ value: JSONValue) {
      self.name = name
      self.value = value
    }

    /// Compares bytes, as the reader does: canonically equivalent names are different names.
    func isNamed(_ other: String) -> Bool { name.utf8.elementsEqual(other.utf8) }
  }

  public var members: [Member] = []

  public init() {}
  public init(_ members: [Member]) { self.members = members }
  public init(dictionaryLiteral elements: (String, JSONValue)...) { members = elements.map { Member($0.0, $0.1) } }

  public var names: [String] { members.map(\.name) }
  public var isEmpty: Bool { members.isEmpty }

  /// Setting a name that is there replaces its value in place; nil removes it.
  public subscript(name: String) -> JSONValue? {
    get { members.first { $0.isNamed(name) }?.value }
    set {
      let index = members.firstIndex { $0.isNamed(name) }
      switch (index, newValue) {
      case (let index?, let value?): members[index].value = value
      case (let index?, nil): members.remove(at: index)
      case (nil, let value?): members.append(Member(name, value))
      case (nil, nil): break
      }
    }
  }
}
