import WireProtocol

/// The last change of the policy that was refused, in Envoy's words (`UpdateFailureState`).
struct FailedUpdate: Sendable {
  /// A document larger than this is not kept.
  static let documentBytesMax = 64 << 10

  var source: PolicyEntry.Source
  var atUnixMs: Int
  var peer: PeerCredentials?
  /// What was refused; null when it was no JSON or too large to keep.
  var document: JSONValue
  var details: String

  init(
    source: PolicyEntry.Source, atUnixMs: Int, peer: PeerCredentials?, document: JSONValue, details: String
  ) {
    self.source = source
    self.atUnixMs = atUnixMs
    self.peer = peer
    self.document = document.text.utf8.count <= Self.documentBytesMax ? document : nil
    self.details = details
  }
}
