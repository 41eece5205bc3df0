/// One element of a small XML document: enough for the topology files of NCCL, which have elements and attributes and
/// nothing else. Text between elements is skipped; document types, processing beyond the prolog and entities other than
/// the five of XML itself are refused.
struct XMLElement {
  static let depthLimit = 64
  static let elementLimit = 100_000

  var name: String
  /// In the order of the file.
  var attributes: [(name: String, value: String)]
  var children: [XMLElement]

  subscript(attribute: String) -> String? { attributes.first { $0.name == attribute }?.value }

  /// Reads a whole document. - Throws: `ProbeFailure.invalid` with the byte at which it went wrong.
  static func parse(_ bytes: [UInt8]) throws(ProbeFailure) -> XMLElement {
    var parser = XMLParser(bytes)
    return try parser.document()
  }
}
