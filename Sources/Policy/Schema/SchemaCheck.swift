import WireProtocol

/// One document held against one schema.
struct SchemaCheck {
  /// References and alternatives inside each other; a schema that refers to itself ends here.
  static let depthLimit = 200

  let schema: JSONSchema
  private(set) var errors: [PolicyError] = []
  private var depth = 0

  init(schema: JSONSchema) { self.schema = schema }

  mutating func run(_ value: JSONValue, _ place: JSONSchema.Place, at pointer: String) {
    depth += 1
    defer { depth -= 1 }
    guard depth <= Self.depthLimit else { return add(pointer, "nested too deeply", "less", value) }
    if let allowed = place.schema.boolValue {
      if !allowed { add(pointer, "not allowed", "nothing", value) }
      return
    }
    if let reference = place.schema["$ref"]?.stringValue,
      let target = schema.target(of: reference, from: place.document)
    {
      run(value, target, at: pointer)
    }
    checkAny(value, place, pointer)
    switch value {
    case .integer, .unsigned, .number: checkNumber(value, place, pointer)
    case .string(let text): checkString(text, place, pointer)
    case .array(let elements): checkArray(elements, place, pointer)
    case .object(let object): checkObject(object, place, pointer)
    case .null, .bool: break
    }
    checkCombinations(value, place, pointer)
    checkCondition(value, place, pointer)
  }

  // MARK: - Keywords

  private mutating func checkAny(_ value: JSONValue, _ place: JSONSchema.Place, _ pointer: String) {
    if let type = place.schema["type"] {
      let types = (type.arrayValue ?? [type]).compactMap(\.stringValue).compactMap(SchemaType.init(rawValue:))
      if !types.contains(where: { $0.includes(value) }) {
        add(pointer, "wrong type", types.map(\.words).joined(separator: " or "), value)
      }
    }
    if let constant = place.schema["const"], !constant.isSame(as: value) {
      add(pointer, "another value", constant.text, value)
    }
    if let values = place.schema["enum"]?.arrayValue, !values.contains(where: { $0.isSame(as: value) }) {
      addUnknownWord(value, among: values, pointer)
    }
  }

  private mutating func checkNumber(_ value: JSONValue, _ place: JSONSchema.Place, _ pointer: String) {
    if let minimum = place.schema["minimum"], value.isBelow(minimum) {
      add(pointer, "out of range", "at least \(minimum.text)", value)
    }
    if let maximum = place.schema["maximum"], maximum.isBelow(value) {
      add(pointer, "out of range", "at most \(maximum.text)", value)
    }
  }

  private mutating func checkString(_ text: String, _ place: JSONSchema.Place, _ pointer: String) {
    let length = text.unicodeScalars.count
    checkCount(length, place, ("minLength", "maxLength"), "characters", pointer)
    if let pattern = place.schema["pattern"]?.stringValue, !schema.matches(text, pattern: pattern) {
      add(pointer, "wrong form", "text that matches \(pattern)", .string(text))
    }
  }

  private mutating func checkArray(_ elements: [JSONValue], _ place: JSONSchema.Place, _ pointer: String) {
    checkCount(elements.count, place, ("minItems", "maxItems"), "entries", pointer)
    let first = place.schema["prefixItems"]?.arrayValue ?? []
    for (index, (element, child)) in zip(elements, first).enumerated() {
      run(element, JSONSchema.Place(schema: child, document: place.document), at: "\(pointer)/\(index)")
    }
    guard let rest = place.schema["items"] else { return }
    for index in elements.indices.dropFirst(first.count) {
      run(elements[index], JSONSchema.Place(schema: rest, document: place.document), at: "\(pointer)/\(index)")
    }
  }

  private mutating func checkObject(_ object: JSONObject, _ place: JSONSchema.Place, _ pointer: String) {
    checkCount(object.members.count, place, ("minProperties", "maxProperties"), "members", pointer)
    let properties = place.schema["properties"]?.objectValue ?? JSONObject()
    for member in object.members {
      let child = "\(pointer)/\(SchemaPointer.escape(member.name))"
      if let names = place.schema["propertyNames"] {
        run(.string(member.name), JSONSchema.Place(schema: names, document: place.document), at: child)
      }
      if let own = properties[member.name] {
        run(member.value, JSONSchema.Place(schema: own, document: place.document), at: child)
      } else if place.schema["additionalProperties"]?.boolValue == false {
        addUnknownMember(member.name, among: properties.names, child)
      } else if let other = place.schema["additionalProperties"] {
        run(member.value, JSONSchema.Place(schema: other, document: place.document), at: child)
      }
    }
    for name in place.schema["required"]?.arrayValue?.compactMap(\.stringValue) ?? [] where object[name] == nil {
      errors.append(
        PolicyError(
          pointer: "\(pointer)/\(SchemaPointer.escape(name))", message: "missing", expected: "the member \(name)",
          found: "nothing"))
    }
  }

  private mutating func checkCount(
    _ count: Int, _ place: JSONSchema.Place, _ keywords: (least: String, most: String), _ unit: String,
    _ pointer: String
  ) {
    let least = place.schema[keywords.least]?.integerValue ?? 0
    let most = place.schema[keywords.most]?.integerValue ?? .max
    guard count < least || count > most else { return }
    let expected = count < least ? "at least \(least) \(unit)" : "at most \(most) \(unit)"
    errors.append(PolicyError(pointer: pointer, message: "wrong size", expected: expected, found: "\(count) \(unit)"))
  }

  // MARK: - Schemas of schemas

  private mutating func checkCombinations(_ value: JSONValue, _ place: JSONSchema.Place, _ pointer: String) {
    for child in place.schema["allOf"]?.arrayValue ?? [] {
      run(value, JSONSchema.Place(schema: child, document: place.document), at: pointer)
    }
    if let children = place.schema["anyOf"]?.arrayValue {
      let outcomes = outcomes(value, children, place.document, pointer)
      if !outcomes.contains(where: \.isEmpty) { addNoneFits(value, children, outcomes, pointer) }
    }
    if let children = place.schema["oneOf"]?.arrayValue {
      let outcomes = outcomes(value, children, place.document, pointer)
      let fitting = outcomes.count(where: \.isEmpty)
      if fitting == 0 { addNoneFits(value, children, outcomes, pointer) }
      if fitting > 1 { add(pointer, "fits \(fitting) alternatives", "exactly one", value) }
    }
    if let child = place.schema["not"], outcomes(value, [child], place.document, pointer)[0].isEmpty {
      add(pointer, "not allowed", "anything but \(PolicyReader.shown(child))", value)
    }
  }

  private mutating func checkCondition(_ value: JSONValue, _ place: JSONSchema.Place, _ pointer: String) {
    guard let condition = place.schema["if"] else { return }
    let holds = outcomes(value, [condition], place.document, pointer)[0].isEmpty
    guard let child = place.schema[holds ? "then" : "else"] else { return }
    run(value, JSONSchema.Place(schema: child, document: place.document), at: pointer)
  }

  /// The errors of a value under each of several schemas.
  private func outcomes(
    _ value: JSONValue, _ children: [JSONValue], _ document: String, _ pointer: String
  ) -> [[PolicyError]] {
    children.map { child in
      var attempt = SchemaCheck(schema: schema)
      attempt.depth = depth
      attempt.run(value, JSONSchema.Place(schema: child, document: document), at: pointer)
      return attempt.errors
    }
  }

  // MARK: - Errors

  private mutating func add(_ pointer: String, _ message: String, _ expected: String, _ value: JSONValue) {
    errors.append(
      PolicyError(pointer: pointer, message: message, expected: expected, found: PolicyReader.shown(value)))
  }

  /// A closed set of words is said as one; of other alternatives the nearest one tells what it lacks.
  private mutating func addNoneFits(
    _ value: JSONValue, _ children: [JSONValue], _ outcomes: [[PolicyError]], _ pointer: String
  ) {
    let words = children.compactMap { $0["const"] }
    if words.count == children.count { return addUnknownWord(value, among: words, pointer) }
    add(pointer, "fits none of \(children.count) alternatives", "one of them", value)
    errors += outcomes.min { $0.count < $1.count } ?? []
  }

  private mutating func addUnknownWord(_ value: JSONValue, among values: [JSONValue], _ pointer: String) {
    let words = values.compactMap(\.stringValue)
    errors.append(
      PolicyError(
        pointer: pointer, message: "unknown value",
        expected: "one of \(values.map { $0.stringValue ?? $0.text }.joined(separator: ", "))",
        found: PolicyReader.shown(value),
        didYouMean: value.stringValue.flatMap { Spelling.nearest(to: $0, among: words) }))
  }

  private mutating func addUnknownMember(_ name: String, among names: [String], _ pointer: String) {
    errors.append(
      PolicyError(
        pointer: pointer, message: "unknown member", expected: "one of \(names.joined(separator: ", "))",
        found: "\"\(name)\"", didYouMean: Spelling.nearest(to: name, among: names)))
  }
}
