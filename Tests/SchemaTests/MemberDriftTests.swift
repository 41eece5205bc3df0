import Policy
import Testing
import WireProtocol

/// The members that our decoders know are those of the schemas.
@Suite struct MemberDriftTests {
  private func expect<Field: CaseIterable & RawRepresentable<String>>(
    _ schema: String, _ path: String, is type: Field.Type, location: SourceLocation = #_sourceLocation
  ) throws {
    let known = Field.allCases.map(\.rawValue).sorted()
    #expect(try SchemaFile(schema).members(path) == known, "\(schema) at \(path)", sourceLocation: location)
  }

  @Test func membersOfAStep() throws {
    try expect("step-v1", "", is: MessageField.Step.self)
    try expect("step-v1", "properties/arrived", is: MessageField.Arrival.self)
    try expect("step-v1", "properties/launched", is: MessageField.Launched.self)
    try expect("step-v1", "properties/settled/items", is: MessageField.Settled.self)
    try expect("step-v1", "properties/state", is: MessageField.State.self)
  }

  @Test func membersOfAPlan() throws {
    try expect("step-reply-v1", "$defs/plan", is: MessageField.Plan.self)
    try expect("plan-v1", "", is: MessageField.PlanRequest.self)
    try expect("step-reply-v1", "$defs/plan/properties/cache", is: MessageField.Cache.self)
    let ofStep = Set(MessageField.Step.allCases).subtracting([.epoch, .seq])
    #expect(try SchemaFile("plan-v1").members("properties/step") == ofStep.map(\.rawValue).sorted())
  }

  @Test func membersOfRegister() throws {
    try expect("register-v1", "", is: MessageField.Register.self)
    try expect("register-reply-v1", "", is: MessageField.RegisterReply.self)
    let stepFields = try SchemaFile("register-reply-v1").words("properties/step_fields/items")
    let prefixFields = MessageField.PrefixField.allCases.map(\.rawValue)
    #expect(stepFields == MessageField.Step.stepFields.map(\.rawValue) + prefixFields)
  }

  @Test func membersOfAPolicy() throws {
    try expect("policy-v1", "", is: PolicyField.Root.self)
    try expect("policy-v1", "properties/classes/items", is: PolicyField.Class.self)
    try expect("policy-v1", "properties/tenants/items", is: PolicyField.Tenant.self)
    try expect("policy-v1", "properties/models/items", is: PolicyField.Model.self)
    try expect("policy-v1", "properties/queue", is: PolicyField.Queue.self)
    try expect("policy-v1", "properties/batch", is: PolicyField.Batch.self)
    try expect("policy-v1", "properties/admission", is: PolicyField.Admission.self)
    try expect("policy-v1", "properties/preemption", is: PolicyField.Preemption.self)
    try expect("policy-v1", "properties/memory", is: PolicyField.Memory.self)
    try expect("policy-v1", "properties/speculation", is: PolicyField.Speculation.self)
  }

  /// A policy file with a slip must never be taken for a valid one.
  @Test func policiesHaveNoOtherMembers() throws {
    let schema = try SchemaFile("policy-v1")
    let objects = ["", "properties/classes/items", "properties/tenants/items", "properties/models/items"]
    for path in try objects + Self.sections(schema).map({ "properties/\($0)" }) {
      #expect(try schema.at(path)["additionalProperties"] == false, "\(path)")
    }
  }

  /// The defaults that the schema shows are what a file without them gets.
  @Test func defaultsOfThePolicySchemaAreThoseOfTheDefaultPreset() throws {
    let schema = try SchemaFile("policy-v1")
    #expect(try schema.at("properties/preset/default").stringValue == PolicyDocument.defaultPresetName)
    let preset = try #require(PolicyDocument.preset(PolicyDocument.defaultPresetName)).effective
    for name in ["classes", "default_class", "tenants"] {
      #expect(try schema.at("properties/\(name)/default") == preset[name], "\(name)")
    }
    for section in try Self.sections(schema) {
      for name in try schema.members("properties/\(section)") {
        let shown = try schema.at("properties/\(section)/properties/\(name)/default")
        let used = preset[section]?[name]
        #expect(shown == used || shown.doubleValue == used?.doubleValue, "/\(section)/\(name)")
      }
    }
  }

  /// Every setting says in which unit it counts, if it counts, and when a change takes effect.
  @Test func settingsOfThePolicySchemaSayUnitAndReload() throws {
    let schema = try SchemaFile("policy-v1")
    // What a file says of itself is no setting.
    let ofTheFile: Set = ["$schema", "version", "description"]
    for name in try schema.members("") where !ofTheFile.contains(name) {
      let member = try schema.at("properties/\(name)")
      guard let settings = member["properties"]?.objectValue else {
        try expectReload(member, name)
        // A list takes effect as a whole.
        for (column, setting) in (member["items"]?["properties"]?.objectValue).map(Self.pairs) ?? [] {
          expectUnit(setting, column, "\(name)/\(column)")
        }
        continue
      }
      for (setting, json) in Self.pairs(settings) {
        try expectReload(json, "\(name)/\(setting)")
        expectUnit(json, setting, "\(name)/\(setting)")
      }
    }
  }

  /// Members of a policy that hold settings of their own.
  private static func sections(_ schema: SchemaFile) throws -> [String] {
    try schema.members("").filter { try schema.at("properties/\($0)")["type"] == "object" }
  }

  private static func pairs(_ object: JSONObject) -> [(String, JSONValue)] {
    object.members.map { ($0.name, $0.value) }
  }

  private func expectReload(_ setting: JSONValue, _ place: String) throws {
    #expect(["hot", "restart"].contains(setting["x-reload"]?.stringValue), "\(place)")
  }

  /// Numbers count something; a rank and a weight are bare.
  private func expectUnit(_ setting: JSONValue, _ name: String, _ place: String) {
    let types = setting["type"]?.arrayValue ?? [setting["type"] ?? nil]
    guard types.contains("integer") || types.contains("number") else { return }
    #expect((setting["x-unit"] != nil) != ["rank", "weight"].contains(name), "\(place)")
  }
}
