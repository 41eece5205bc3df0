import Policy
import WireProtocol

/// A policy as it was read from where the sidecar was told to look.
public struct PolicyLoad: Sendable {
  /// What was read; null when it was no JSON.
  public var json: JSONValue
  public var outcome: Result<PolicyDocument, PolicyUpdateError>

  public init(json: JSONValue, outcome: Result<PolicyDocument, PolicyUpdateError>) {
    self.json = json
    self.outcome = outcome
  }

  public init(_ document: PolicyDocument) { self.init(json: document.json, outcome: .success(document)) }

  /// Reads a file's bytes.
  public init(bytes: [UInt8]) {
    json = (try? JSONValue(parsing: bytes)) ?? nil
    do throws(PolicyErrors) { outcome = .success(try PolicyDocument.decode(bytes: bytes)) } catch {
      outcome = .failure(.invalid(error))
    }
  }
}
