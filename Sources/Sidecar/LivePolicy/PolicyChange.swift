import WireProtocol

/// A change of the policy that somebody asks for.
struct PolicyChange: Sendable {
  enum Content: Sendable {
    /// A policy file's content, unchecked.
    case document(JSONValue)
    case loaded(PolicyLoad)
    /// The policy of an earlier generation; nil: of the one before.
    case generation(Int?)
  }

  var content: Content
  var source: PolicyEntry.Source
  var peer: PeerCredentials?
  var comment = ""
  /// The change is refused when another generation is in force.
  var expectedGeneration: Int?

  /// What to show if it fails.
  var document: JSONValue {
    switch content {
    case .document(let json): json
    case .loaded(let load): load.json
    case .generation: nil
    }
  }
}
