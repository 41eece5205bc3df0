import Policy
import WireProtocol

/// One policy as it was put in force, and by whom: a line of the audit log.
public struct PolicyEntry: Sendable {
  public enum Source: String, CaseIterable, Sendable {
    /// The file or preset that the sidecar was started with.
    case start
    case apply
    case rollback
    /// The file was read again (SIGHUP).
    case reload
  }

  public var generation: Int
  public var document: PolicyDocument
  public var source: Source
  /// Milliseconds since 1970.
  public var atUnixMs: Int
  /// Who asked, by SO_PEERCRED; nil for start and reload.
  public var peer: PeerCredentials?
  public var comment: String
  /// Of a rollback: the generation whose policy is in force again.
  public var restored: Int?

  /// As history shows it and as the log keeps it.
  var json: JSONValue {
    var json: JSONObject = [
      "generation": JSONValue(generation), "name": .string(document.config.name), "source": .string(source.rawValue),
      "at_unix_ms": JSONValue(atUnixMs), "uid": peer.map { JSONValue($0.uid) } ?? nil,
      "pid": peer.map { JSONValue($0.pid) } ?? nil, "comment": .string(comment),
    ]
    json["restored_generation"] = restored.map { JSONValue($0) }
    json["policy"] = document.json
    return .object(json)
  }

  /// nil when it is no entry, or its policy is none for this version.
  init?(json: JSONValue) {
    guard let generation = json["generation"]?.integerValue, let at = json["at_unix_ms"]?.integerValue,
      let source = json["source"]?.stringValue.flatMap(Source.init(rawValue:)), let policy = json["policy"],
      let document = try? PolicyDocument.decode(policy)
    else { return nil }
    let uid = json["uid"]?.integerValue.flatMap(UInt32.init(exactly:))
    let pid = json["pid"]?.integerValue.flatMap(Int32.init(exactly:))
    self.init(
      generation: generation, document: document, source: source, atUnixMs: at,
      peer: uid.map { PeerCredentials(pid: pid ?? 0, uid: $0, gid: 0) }, comment: json["comment"]?.stringValue ?? "",
      restored: json["restored_generation"]?.integerValue)
  }

  init(
    generation: Int, document: PolicyDocument, source: Source, atUnixMs: Int, peer: PeerCredentials? = nil,
    comment: String = "", restored: Int? = nil
  ) {
    self.generation = generation
    self.document = document
    self.source = source
    self.atUnixMs = atUnixMs
    self.peer = peer
    self.comment = comment
    self.restored = restored
  }
}
