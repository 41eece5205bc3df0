/// The keywords of JSON Schema 2020-12 that our schemas use. A schema with any other one is refused: a keyword that is
/// not understood would let through what it was written to keep out.
enum SchemaKeyword: String, CaseIterable {
  // What any value is held to.
  case type, const, `enum`
  // Numbers.
  case minimum, maximum
  // Strings.
  case minLength, maxLength, pattern
  // Arrays.
  case prefixItems, items, minItems, maxItems
  // Objects.
  case properties, additionalProperties, propertyNames, required, minProperties, maxProperties
  // Schemas of schemas.
  case allOf, anyOf, oneOf, not, `if`, then, `else`
  case ref = "$ref"
  case defs = "$defs"
  case id = "$id"
  case schema = "$schema"
  // Notes for people and editors.
  case title, description, `default`, examples
  case unit = "x-unit"
  case reload = "x-reload"

  /// What the keyword's value has to be.
  enum Operand { case schema, schemas, namedSchemas, text, texts, count, number, values, types, anything }

  var operand: Operand {
    switch self {
    case .items, .additionalProperties, .propertyNames, .not, .if, .then, .else: .schema
    case .prefixItems, .allOf, .anyOf, .oneOf: .schemas
    case .properties, .defs: .namedSchemas
    case .pattern, .ref, .id, .schema, .title, .description, .unit, .reload: .text
    case .required: .texts
    case .minLength, .maxLength, .minItems, .maxItems, .minProperties, .maxProperties: .count
    case .minimum, .maximum: .number
    case .enum, .examples: .values
    case .type: .types
    case .const, .default: .anything
    }
  }

  /// Only the root of a document may carry it: no schema of ours is a bundle of several.
  var isForRootOnly: Bool { self == .id || self == .schema }
}
