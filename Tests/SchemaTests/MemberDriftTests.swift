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
    let ofStep = Set(MessageField.Step.allCases).subtracting([.epoch, .seq])
    #expect(try SchemaFile("plan-v1").members("properties/step") == ofStep.map(\.rawValue).sorted())
  }

  @Test func membersOfRegister() throws {
    try expect("register-v1", "", is: MessageField.Register.self)
    try expect("register-reply-v1", "", is: MessageField.RegisterReply.self)
    let stepFields = try SchemaFile("register-reply-v1").words("properties/step_fields/items")
    #expect(stepFields == MessageField.Step.stepFields.map(\.rawValue))
  }

  @Test func membersOfAPolicy() throws {
    try expect("policy-v1", "", is: PolicyField.Root.self)
    try expect("policy-v1", "properties/classes/items", is: PolicyField.Class.self)
    try expect("policy-v1", "properties/tenants/items", is: PolicyField.Tenant.self)
    try expect("policy-v1", "properties/models/items", is: PolicyField.Model.self)
    try expect("policy-v1", "properties/queue", is: PolicyField.Queue.self)
    try expect("policy-v1", "properties/batch", is: PolicyField.Batch.self)
    try expect("policy-v1", "properties/preemption", is: PolicyField.Preemption.self)
    try expect("policy-v1", "properties/memory", is: PolicyField.Memory.self)
    try expect("policy-v1", "properties/speculation", is: PolicyField.Speculation.self)
  }

  /// A policy file with a slip must never be taken for a valid one.
  @Test func policiesHaveNoOtherMembers() throws {
    let schema = try SchemaFile("policy-v1")
    let objects = [
      "", "properties/classes/items", "properties/tenants/items", "properties/models/items",
      "properties/queue", "properties/batch", "properties/preemption",
      "properties/memory", "properties/speculation",
    ]
    for path in objects { #expect(try schema.at(path)["additionalProperties"] == false, "\(path)") }
  }

  /// The defaults that the schema shows are what a file without them gets.
  @Test func defaultsOfThePolicySchemaAreThoseOfTheDefaultPreset() throws {
    let schema = try SchemaFile("policy-v1")
    #expect(try schema.at("properties/preset/default").stringValue == PolicyDocument.defaultPresetName)
    let preset = try #require(PolicyDocument.preset(PolicyDocument.defaultPresetName)).effective
    for name in ["classes", "default_class", "tenants"] {
      #expect(try schema.at("properties/\(name)/default") == preset[name], "\(name)")
    }
    for section in ["queue", "batch", "preemption", "memory", "speculation"] {
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
    for section in ["queue", "batch", "preemption", "memory", "speculation"] {
      for name in try schema.members("properties/\(section)") {
        let setting = try schema.at("properties/\(section)/properties/\(name)")
        #expect(["hot", "restart"].contains(setting["x-reload"]?.stringValue), "\(section)/\(name)")
        #expect(setting["oneOf"] != nil || setting["x-unit"] != nil, "\(section)/\(name)")
      }
    }
  }
}
