import Foundation
import Policy
import Testing
import WireProtocol

/// The validator against cases that others wrote, and against our own.
@Suite struct SchemaSuiteTests {
  /// Folder of the official suite's draft2020-12 tests: `Scripts/schema-suite.sh` fetches it and prints the folder.
  static let officialFolder: String? = {
    if let folder = ProcessInfo.processInfo.environment["COXSWAIN_JSON_SCHEMA_SUITE"], !folder.isEmpty { return folder }
    FileHandle.standardError.write(
      Data("\n*** SKIPPED: the official JSON Schema suite; COXSWAIN_JSON_SCHEMA_SUITE names no folder ***\n".utf8))
    return nil
  }()

  /// Files of the suite that are about keywords of ours.
  static let officialFiles = [
    "additionalProperties", "allOf", "anyOf", "boolean_schema", "const", "default", "defs", "enum", "if-then-else",
    "infinite-loop-detection", "items", "maxItems", "maxLength", "maxProperties", "maximum", "minItems", "minLength",
    "minProperties", "minimum", "not", "oneOf", "pattern", "prefixItems", "properties", "propertyNames", "ref",
    "required", "type",
  ]
  /// How many of their cases have no keyword but ours; the others are refused, and counted here.
  static let judgedAtLeast = 500

  @Test(.enabled(if: officialFolder != nil)) func theOfficialSuiteForOurKeywords() throws {
    let folder = URL(filePath: try #require(Self.officialFolder))
    var judged = 0
    var refused = 0
    for name in Self.officialFiles {
      for entry in try SchemaCase.read(folder.appending(path: "\(name).json")) {
        if let count = entry.run() { judged += count } else { refused += entry.documents.count }
      }
    }
    print("official suite: \(judged) documents judged, \(refused) under schemas with keywords that ours do not use")
    #expect(judged >= Self.judgedAtLeast)
  }

  @Test func ourOwnCases() throws {
    let cases = try SchemaCase.read(Repository.root.appending(path: "Tests/cases/schema-keywords.json"))
    for entry in cases { #expect(entry.run() != nil, "\(entry.name): the schema was refused") }
    #expect(cases.count > 10)
  }

  /// Keywords that other schemas have, words that are none, and operands of another kind.
  @Test(arguments: [
    (#"{"minimun": 1}"#, "/minimun", "unknown keyword"),
    (#"{"properties": {"a": {"format": "uri"}}}"#, "/properties/a/format", "unknown keyword"),
    (#"{"items": [{}]}"#, "/items", "a schema is an object, true or false; found an array"),
    (#"{"minLength": -1}"#, "/minLength", "not a value for minLength: an integer"),
    (#"{"type": "int"}"#, "/type", "not a value for type: a string"),
    (#"{"required": "a"}"#, "/required", "not a value for required: a string"),
    (#"{"oneOf": []}"#, "/oneOf", "not a value for oneOf: an array"),
    (##"{"items": {"$ref": "#/$defs/a"}}"##, "/items/$ref", "#/$defs/a leads nowhere"),
    (#"{"$ref": "urn:other"}"#, "/$ref", "urn:other leads nowhere"),
    (#"{"items": {"$id": "urn:x"}}"#, "/items/$id", "only the root of a document may have it"),
    (#"{"pattern": "("}"#, "", "not a regular expression: ("),
  ])
  func whatIsNoSchemaOfOursIsRefused(text: String, pointer: String, reason: String) throws {
    let json = try JSONValue(parsing: text)
    do throws(SchemaFault) {
      _ = try JSONSchema(json)
      Issue.record("accepted: \(text)")
    } catch {
      #expect(error.pointer == pointer)
      #expect(error.reason == reason)
    }
  }

  @Test func aSchemaThatRefersToItselfEnds() throws {
    let schema = try JSONSchema(try JSONValue(parsing: ##"{"allOf": [{"$ref": "#"}]}"##))
    #expect(schema.errors(in: 1).first?.message == "nested too deeply")
  }

  @Test func errorsNamePlaceExpectationFindingAndTheNearestName() throws {
    let schema = try ShippedSchema.named("policy-v1")
    let policy = try JSONValue(
      parsing: #"{"version":1,"name":"x","batch":{"step_token":1,"hold_us":5},"queue":{"ordering":"fcsf"}}"#)
    let errors = schema.errors(in: policy)
    #expect(errors.map(\.pointer) == ["/batch/step_token", "/batch/hold_us", "/queue/ordering"])
    #expect(errors.map(\.didYouMean) == ["step_tokens", nil, "fcfs"])
    #expect(errors.map(\.found) == ["\"step_token\"", "5", "\"fcsf\""])
    #expect(errors.map(\.message) == ["unknown member", "out of range", "unknown value"])
    #expect(errors[1].expected == "at least 1000")
  }

  @Test func theSchemasOfThisProjectAreOfThisKindAndAllowTheirExamples() throws {
    for name in ShippedSchema.names {
      let file = try SchemaFile(name)
      let schema = try ShippedSchema.named(name)
      for example in file.examples { #expect(schema.errors(in: example) == [], "\(name): \(example.text)") }
    }
    #expect(ShippedSchema.names.count > 30)
  }
}
