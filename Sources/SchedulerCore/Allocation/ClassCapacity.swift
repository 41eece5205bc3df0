/// What a class owns of the engine, and what it uses in the iteration that is planned.
struct ClassCapacity: Codable, Sendable {
  let rank: Int
  /// Its share of the requests of an iteration, of the tokens of an iteration, and of the KV blocks of all pools.
  let places: Int
  let tokens: Int
  let blocks: Int
  /// Requests of the class that may run on capacity of better classes at once.
  let upgradeQuota: Int
  var upgradeRate: RateLimit

  /// Requests on its own capacity, or on what nobody reserved.
  var usedPlaces = 0
  /// Requests on capacity of better classes.
  var upgradedPlaces = 0
  var heldBlocks = 0
  /// Requests that wait.
  var waiting = 0
  /// What it leaves to others.
  var idlePlaces = 0
  var idleTokens = 0
  var idleBlocks = 0
  /// Of its own tokens, what is left of this iteration.
  var tokensLeft = 0

  /// - Parameters:
  ///   - places: requests of one iteration.
  ///   - tokens: tokens of one iteration.
  ///   - blocks: KV blocks of all pools.
  init(_ requestClass: PolicyConfig.RequestClass, places: Int, tokens: Int, blocks: Int) {
    let ppm = requestClass.reservedPpm
    // In two parts: the product alone could be too large.
    func share(_ count: Int) -> Int {
      let (wholes, rest) = count.quotientAndRemainder(dividingBy: PolicyConfig.wholePpm)
      return max(1, wholes * ppm + rest * ppm / PolicyConfig.wholePpm)
    }
    rank = requestClass.rank
    self.places = share(places)
    self.tokens = share(tokens)
    self.blocks = share(blocks)
    upgradeQuota = requestClass.upgradeQuota
    upgradeRate = RateLimit(perSecond: requestClass.upgradesPerSecond)
  }

  mutating func open(nowUs: Int64) {
    upgradeRate.open(nowUs: nowUs)
    usedPlaces = 0
    upgradedPlaces = 0
    heldBlocks = 0
    tokensLeft = tokens
  }

  /// Settles what it leaves to others, once its running requests are counted.
  mutating func settleIdle(waiting count: Int, waitingTokens: Int, waitingBlocks: Int, runningTokens: Int) {
    waiting = count
    idlePlaces = max(0, places - usedPlaces - count)
    idleTokens = max(0, tokens - waitingTokens - runningTokens)
    idleBlocks = max(0, blocks - heldBlocks - waitingBlocks)
    tokensLeft = tokens - idleTokens
  }
}
