import SchedulerCore

/// What an engine says about itself (session rule 3), as JSON.
public enum RegisterMessage {
  static let groupsMax = 64
  static let ranksMax = 1 << 16
  /// Plans in flight that the session rules cover.
  static let inFlightMax = 3
  /// Tokens of one iteration, as in policy files; a plan's item keeps them in 32 bits.
  public static let stepTokensMax = 1 << 24

  /// - Throws: INVALID_ARGUMENT with the field's pointer.
  public static func decode(_ json: JSONValue, path: String = "") throws(CallError) -> EngineDescription {
    let message = try MessageReader(json, path: path)
    let engine = try message.member("engine")
    let model = try model(try message.member("model"))
    let dpSize = try message.integer("dp_size", in: 1...ranksMax, default: 1)
    return EngineDescription(
      name: try engine.string("name"), version: try engine.string("version", default: ""),
      serverID: try message.string("server_id"),
      dpRank: try message.integer("dp_rank", in: 0...(dpSize - 1), default: 0), dpSize: dpSize,
      tp: try message.integer("tp", in: 1...ranksMax, default: 1),
      pp: try message.integer("pp", in: 1...ranksMax, default: 1),
      engineBootID: try message.string("engine_boot_id"),
      nowUs: Int64(try message.integer("now_us", in: 0...StepCodec.timeMax, default: 0)),
      model: model,
      inFlightMax: try message.integer("in_flight_max", in: 1...inFlightMax, default: 1),
      inFlightRepeat: try message.choice("in_flight_repeat", default: .any),
      limits: try limits(try message.member("limits")), drafter: try drafter(message),
      fullPromptMustFit: try message.bool("full_prompt_must_fit", default: false), kinds: try kinds(message),
      capabilities: try capabilities(message), prefixCache: try prefixCache(message, model))
  }

  private static func model(_ model: MessageReader) throws(CallError) -> EngineDescription.Model {
    var pools: [EngineDescription.Pool] = []
    for (i, pool) in try model.array("pools", max: StepCodec.poolsMax).enumerated() {
      let reader = try MessageReader(pool, path: "\(model.path)/pools/\(i)")
      pools.append(EngineDescription.Pool(blocks: try reader.integer("blocks", in: 1...StepCodec.countMax)))
    }
    guard !pools.isEmpty else { throw .invalid(field: model.pointer("pools"), "empty; expected at least one pool") }
    var groups: [EngineDescription.KVGroup] = []
    for (i, group) in try model.array("kv_groups", max: groupsMax).enumerated() {
      let reader = try MessageReader(group, path: "\(model.path)/kv_groups/\(i)")
      groups.append(
        EngineDescription.KVGroup(
          pool: try reader.integer("pool", in: 0...(pools.count - 1), default: 0),
          blockTokens: try reader.integer("block_tokens", in: 1...65536),
          bytesPerToken: try reader.integer("bytes_per_token", default: 0),
          windowTokens: try reader.integer("window_tokens", default: 0)))
    }
    return EngineDescription.Model(
      id: try model.string("id"), parameters: try model.integer("parameters", in: 0 ... .max, default: 0),
      pools: pools, kvGroups: groups)
  }

  private static func limits(_ limits: MessageReader) throws(CallError) -> EngineDescription.Limits {
    EngineDescription.Limits(
      stepTokens: try limits.integer("step_tokens", in: 1...stepTokensMax),
      sequences: try limits.integer("sequences", in: 1...StepCodec.countMax),
      length: try limits.integer("length", default: 0), adapters: try limits.integer("adapters", default: 0),
      encoderTokens: try limits.integer("encoder_tokens", default: 0),
      adapterBlocks: try limits.integer("adapter_blocks", default: 0))
  }

  private static func drafter(_ message: MessageReader) throws(CallError) -> EngineDescription.Drafter? {
    guard let drafter = try message.objectIfPresent("drafter") else { return nil }
    return EngineDescription.Drafter(
      kMax: try drafter.integer("k_max", in: 0...StepCodec.draftsMax),
      per: try drafter.choice("per", default: .batch), tree: try tree(drafter))
  }

  private static func tree(_ drafter: MessageReader) throws(CallError) -> EngineDescription.Drafter.Tree? {
    guard let tree = try drafter.objectIfPresent("tree") else { return nil }
    return EngineDescription.Drafter.Tree(
      widthMax: try tree.integer("width_max", in: 2...DraftShape.widthMax),
      nodesMax: try tree.integer("nodes_max", in: 2...StepCodec.draftsMax))
  }

  /// Most tokens of one named prefix unit.
  static let prefixBlockTokensMax = 65_536

  private static func prefixCache(
    _ message: MessageReader, _ model: EngineDescription.Model
  ) throws(CallError) -> EngineDescription.PrefixCache? {
    guard let cache = try message.objectIfPresent("prefix_cache") else { return nil }
    let tokens = try cache.integer("block_tokens", in: 1...prefixBlockTokensMax)
    for group in model.kvGroups where !tokens.isMultiple(of: group.blockTokens) {
      throw .invalid(
        field: cache.pointer("block_tokens"), "\(tokens); expected a multiple of every group's \(group.blockTokens)")
    }
    return EngineDescription.PrefixCache(
      blockTokens: tokens, tierBlocks: try cache.integer("tier_blocks", default: 0))
  }

  private static func kinds(_ message: MessageReader) throws(CallError) -> [EngineDescription.Kind] {
    var kinds: [EngineDescription.Kind] = []
    for (i, kind) in try message.array("kinds", max: 16, default: ["chat", "completion"]).enumerated() {
      kinds.append(try MessageReader.choice(kind, "\(message.pointer("kinds"))/\(i)"))
    }
    return kinds
  }

  private static func capabilities(_ message: MessageReader) throws(CallError) -> Capabilities {
    var capabilities: Capabilities = []
    for (i, name) in try message.array("capabilities", max: 64, default: []).enumerated() {
      guard let known = Capabilities.named.first(where: { $0.name == name.stringValue }) else {
        let words = Capabilities.named.map(\.name).joined(separator: ", ")
        throw .invalid(
          field: "\(message.pointer("capabilities"))/\(i)", "\(JSONText.excerpt(name.text)); expected one of \(words)")
      }
      capabilities.insert(known.verb)
    }
    return capabilities
  }

  private static func encode(_ limits: EngineDescription.Limits) -> JSONValue {
    var json: JSONObject = [
      "step_tokens": JSONValue(limits.stepTokens), "sequences": JSONValue(limits.sequences),
      "length": JSONValue(limits.length), "adapters": JSONValue(limits.adapters),
      "encoder_tokens": JSONValue(limits.encoderTokens),
    ]
    if limits.adapterBlocks > 0 { json["adapter_blocks"] = JSONValue(limits.adapterBlocks) }
    return .object(json)
  }

  /// What an engine sends.
  public static func encode(_ engine: EngineDescription) -> JSONValue {
    var message: JSONObject = [
      "engine": ["name": .string(engine.name), "version": .string(engine.version)],
      "server_id": .string(engine.serverID), "dp_rank": JSONValue(engine.dpRank), "dp_size": JSONValue(engine.dpSize),
      "tp": JSONValue(engine.tp), "pp": JSONValue(engine.pp), "engine_boot_id": .string(engine.engineBootID),
      "now_us": JSONValue(engine.nowUs), "model": encode(engine.model),
      "in_flight_max": JSONValue(engine.inFlightMax), "in_flight_repeat": .string(engine.inFlightRepeat.rawValue),
      "limits": encode(engine.limits),
    ]
    if let drafter = engine.drafter {
      var member: JSONObject = ["k_max": JSONValue(drafter.kMax), "per": .string(drafter.per.rawValue)]
      if let tree = drafter.tree {
        member["tree"] = ["width_max": JSONValue(tree.widthMax), "nodes_max": JSONValue(tree.nodesMax)]
      }
      message["drafter"] = .object(member)
    }
    message["full_prompt_must_fit"] = .bool(engine.fullPromptMustFit)
    message["kinds"] = .array(engine.kinds.map { .string($0.rawValue) })
    message["capabilities"] = .array(
      Capabilities.named.filter { engine.capabilities.contains($0.verb) }.map { .string($0.name) })
    if let cache = engine.prefixCache {
      message["prefix_cache"] = [
        "block_tokens": JSONValue(cache.blockTokens), "tier_blocks": JSONValue(cache.tierBlocks),
      ]
    }
    return .object(message)
  }

  private static func encode(_ model: EngineDescription.Model) -> JSONValue {
    [
      "id": .string(model.id), "parameters": JSONValue(model.parameters),
      "pools": .array(model.pools.map { ["blocks": JSONValue($0.blocks)] }),
      "kv_groups": .array(
        model.kvGroups.map {
          [
            "pool": JSONValue($0.pool), "block_tokens": JSONValue($0.blockTokens),
            "bytes_per_token": JSONValue($0.bytesPerToken), "window_tokens": JSONValue($0.windowTokens),
          ]
        }),
    ]
  }
}
