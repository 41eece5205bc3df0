/// The core's own record of a plan that it gave out, kept until the engine says what became of it.
struct PlannedStep: Codable, Sendable {
  enum Yield: UInt8, Codable, Sendable {
    /// A chunk that ends before the last known token.
    case nothing
    /// An output token, and every accepted draft.
    case token
    /// It ran otherwise than planned: what the engine's absolute state says.
    case asReported
  }

  struct Item: Codable, Sendable {
    var slot: Int32
    var handle: RequestHandle
    var n: Int32
    var k: Int32
    /// Of the `k` drafts.
    var shape = DraftShape.chain
    /// What the item yields when it settles, known once it was launched.
    var yield = Yield.nothing
    /// One token of a running request, no drafts: what `decode:"all"` says.
    var isPlainDecode = false
  }

  /// A verb with the slot it names; `keepTokens` is for truncate only.
  struct Verb: Codable, Sendable {
    enum Kind: Codable, Sendable { case truncate, requeue, swap }
    var kind: Kind
    var slot: Int32
    var keepTokens: Int
  }

  /// False for a plan that never left (a sync Step, a dropped plan).
  var exists = false
  /// In plan order, apart from the decode set, whose order is immaterial: it carries no drafts.
  var items: ContiguousArray<Item> = []
  var verbs: ContiguousArray<Verb> = []

  var tokens: Int { items.reduce(0) { $0 + Int($1.n) } }

  mutating func removeAll() {
    exists = false
    items.removeAll(keepingCapacity: true)
    verbs.removeAll(keepingCapacity: true)
  }
}
