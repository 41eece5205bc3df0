/// What an engine says about itself once, in Register (Docs/wire.md, session rule 3).
public struct EngineDescription: Hashable, Codable, Sendable {
  /// One pool of KV blocks. Several KV groups may draw on one pool.
  public struct Pool: Hashable, Codable, Sendable {
    public var blocks: Int
    public init(blocks: Int) { self.blocks = blocks }
  }

  /// Layers that share one KV layout (full attention, sliding window, ...).
  public struct KVGroup: Hashable, Codable, Sendable {
    /// Index into `pools`.
    public var pool: Int
    public var blockTokens: Int
    public var bytesPerToken: Int
    /// 0 means full attention; otherwise only the last `windowTokens` tokens keep blocks.
    public var windowTokens: Int

    public init(pool: Int, blockTokens: Int, bytesPerToken: Int, windowTokens: Int) {
      self.pool = pool
      self.blockTokens = blockTokens
      self.bytesPerToken = bytesPerToken
      self.windowTokens = windowTokens
    }
  }

  public struct Model: Hashable, Codable, Sendable {
    public var id: String
    public var parameters: Int
    public var pools: [Pool]
    public var kvGroups: [KVGroup]

    public init(id: String, parameters: Int, pools: [Pool], kvGroups: [KVGroup]) {
      self.id = id
      self.parameters = parameters
      self.pools = pools
      self.kvGroups = kvGroups
    }
  }

  public struct Limits: Hashable, Codable, Sendable {
    /// Tokens in one iteration, prefill and decode together.
    public var stepTokens: Int
    /// Requests running at once.
    public var sequences: Int
    /// Prompt plus output of one request, in tokens.
    public var length: Int
    /// Distinct adapters in one plan; 0 means that the engine serves none.
    public var adapters: Int
    public var encoderTokens: Int
    /// KV blocks of each pool that one adapter which is there takes; 0 means that adapters have memory of their own.
    public var adapterBlocks: Int

    public init(
      stepTokens: Int, sequences: Int, length: Int, adapters: Int, encoderTokens: Int, adapterBlocks: Int = 0
    ) {
      self.stepTokens = stepTokens
      self.sequences = sequences
      self.length = length
      self.adapters = adapters
      self.encoderTokens = encoderTokens
      self.adapterBlocks = adapterBlocks
    }
  }

  public struct Drafter: Hashable, Codable, Sendable {
    public enum Granularity: String, CaseIterable, Hashable, Codable, Sendable {
      case request
      case batch
    }
    /// Trees of drafts that it can verify.
    public struct Tree: Hashable, Codable, Sendable {
      /// Candidates of one level, 2...`DraftShape.widthMax`.
      public var widthMax: Int
      /// Drafts of one request, over all levels.
      public var nodesMax: Int

      public init(widthMax: Int, nodesMax: Int) {
        self.widthMax = widthMax
        self.nodesMax = nodesMax
      }
    }

    /// Largest number of verified drafts of one request in one iteration; of a tree, its levels.
    public var kMax: Int
    public var per: Granularity
    /// nil: chains only.
    public var tree: Tree?

    public init(kMax: Int, per: Granularity, tree: Tree? = nil) {
      self.kMax = kMax
      self.per = per
      self.tree = tree
    }

    /// Whether a request's drafts are something that the engine can verify.
    public func allows(drafts: Int, shape: DraftShape) -> Bool {
      guard !shape.isChain else { return drafts <= kMax }
      guard let tree, drafts <= tree.nodesMax else { return false }
      let depth = shape.depth(drafts: drafts)
      return depth <= kMax && (1...max(1, depth)).allSatisfy { shape.width($0) <= tree.widthMax }
    }
  }

  /// May a request be in two unsettled plans at once?
  public enum InFlightRepeat: String, CaseIterable, Hashable, Codable, Sendable {
    case none
    case prefill
    case any
  }

  public enum Kind: String, CaseIterable, Hashable, Codable, Sendable {
    case chat
    case completion
    case embedding
  }

  /// A prefix cache whose contents the engine names by keys (Docs/wire.md, "Prefixes by name").
  public struct PrefixCache: Hashable, Codable, Sendable {
    /// Tokens of one named prefix unit: a multiple of every group's block.
    public var blockTokens: Int
    /// Units that a slower tier holds; 0: there is none.
    public var tierBlocks: Int

    public init(blockTokens: Int, tierBlocks: Int = 0) {
      self.blockTokens = blockTokens
      self.tierBlocks = tierBlocks
    }
  }

  public var name: String
  public var version: String
  public var serverID: String
  public var dpRank: Int
  public var dpSize: Int
  public var tp: Int
  public var pp: Int
  public var engineBootID: String
  /// The engine's monotonic clock at Register, in microseconds.
  public var nowUs: Int64
  public var model: Model
  /// Plans that may be launched and not yet settled, the one being asked for included: 1 sync, 2 async, at most 3.
  public var inFlightMax: Int
  public var inFlightRepeat: InFlightRepeat
  public var limits: Limits
  public var drafter: Drafter?
  /// A waiting request is admitted only if its whole prompt fits the free blocks.
  public var fullPromptMustFit: Bool
  public var kinds: [Kind]
  public var capabilities: Capabilities
  /// nil: what the cache holds has no names.
  public var prefixCache: PrefixCache?

  public init(
    name: String, version: String, serverID: String, dpRank: Int = 0, dpSize: Int = 1, tp: Int = 1, pp: Int = 1,
    engineBootID: String, nowUs: Int64 = 0, model: Model, inFlightMax: Int = 1,
    inFlightRepeat: InFlightRepeat = .any, limits: Limits, drafter: Drafter? = nil, fullPromptMustFit: Bool = false,
    kinds: [Kind] = [.chat, .completion], capabilities: Capabilities,
    prefixCache: PrefixCache? = nil
  ) {
    self.name = name
    self.version = version
    self.serverID = serverID
    self.dpRank = dpRank
    self.dpSize = dpSize
    self.tp = tp
    self.pp = pp
    self.engineBootID = engineBootID
    self.nowUs = nowUs
    self.model = model
    self.inFlightMax = inFlightMax
    self.inFlightRepeat = inFlightRepeat
    self.limits = limits
    self.drafter = drafter
    self.fullPromptMustFit = fullPromptMustFit
    self.kinds = kinds
    self.capabilities = capabilities
    self.prefixCache = prefixCache
  }

  /// Plans may name prefixes: the engine names them, and can do something with the names.
  public var takesPrefixVerbs: Bool {
    prefixCache != nil && !capabilities.isDisjoint(with: [.kvEvict, .kvPin, .kvPrefetch])
  }
}
