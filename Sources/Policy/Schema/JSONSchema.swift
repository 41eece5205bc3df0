import WireProtocol

/// A JSON Schema (draft 2020-12) of the keywords that our schemas use, and the documents it refers to.
///
/// Judged by the official test suite for these keywords and by python3-jsonschema (Tests/SchemaTests). It is not on any
/// hot path; policy files and wire messages have decoders of their own, which have to agree with it.
public struct JSONSchema {
  /// A schema, and the document that its references start from.
  struct Place {
    var schema: JSONValue
    var document: String
  }

  private let documents: [String: SchemaDocument]
  private let patterns: [String: Regex<AnyRegexOutput>]
  let root: Place

  /// - Parameters:
  ///   - json: the schema.
  ///   - find: the document with an `$id`, for references to other documents.
  /// - Throws: when a keyword is unknown or a reference leads nowhere.
  public init(_ json: JSONValue, find: (_ identifier: String) -> JSONValue? = { _ in nil }) throws(SchemaFault) {
    let first = try SchemaDocument(json)
    var documents = [first.identifier: first]
    var open = [first]
    var patterns: [String: Regex<AnyRegexOutput>] = [:]
    while let document = open.popLast() {
      for reference in document.references {
        let (wanted, _) = Self.split(reference.target, base: document.identifier)
        guard documents[wanted] == nil, let json = find(wanted) else { continue }
        let other = try SchemaDocument(json)
        documents[wanted] = other
        open.append(other)
      }
      for pattern in document.patterns where patterns[pattern] == nil {
        do { patterns[pattern] = try Regex(pattern) } catch {
          throw SchemaFault(pointer: "", reason: "not a regular expression: \(pattern)")
        }
      }
    }
    self.documents = documents
    self.patterns = patterns
    root = Place(schema: json, document: first.identifier)
    for (identifier, document) in documents {
      for reference in document.references where target(of: reference.target, from: identifier) == nil {
        throw SchemaFault(pointer: "\(reference.pointer)/$ref", reason: "\(reference.target) leads nowhere")
      }
    }
  }

  /// Everything in a document that the schema does not allow, in order; empty when it is valid.
  public func errors(in value: JSONValue) -> [PolicyError] {
    var check = SchemaCheck(schema: self)
    check.run(value, root, at: "")
    return check.errors
  }

  public func allows(_ value: JSONValue) -> Bool { errors(in: value).isEmpty }

  func target(of reference: String, from base: String) -> Place? {
    let (document, fragment) = Self.split(reference, base: base)
    guard let pointer = SchemaPointer.decode(fragment: fragment) else { return nil }
    return documents[document]?.schemas[pointer].map { Place(schema: $0, document: document) }
  }

  func matches(_ text: String, pattern: String) -> Bool {
    guard let regex = patterns[pattern] else { return false }
    return text.firstMatch(of: regex.matchingSemantics(.unicodeScalar)) != nil
  }

  private static func split(_ reference: String, base: String) -> (document: String, fragment: Substring) {
    let parts = reference.split(separator: "#", maxSplits: 1, omittingEmptySubsequences: false)
    return (parts[0].isEmpty ? base : String(parts[0]), parts.count > 1 ? parts[1] : "")
  }
}
