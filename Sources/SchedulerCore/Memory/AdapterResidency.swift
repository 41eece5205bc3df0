/// Which adapters an iteration serves when the requests at hand need more than the engine has places for.
///
/// The adapter whose request is due first comes first. One that is there already keeps its place unless another is
/// due earlier by more than `dwellUs`: a load holds the whole iteration up, and serving adapters in turns of many
/// iterations instead of alternating keeps loads rare. Streams that are paused meanwhile live on the lead that they
/// have over their TPOT. A request starts only if the places last for all that have begun: the shares of iterations
/// that adapters must be in, added up. S-LoRA (Sheng et al., MLSys 2024) asks the same of memory, in pages; an engine
/// here counts places.
///
/// O(running + adapters log adapters + loads x places) per iteration; nothing for an engine without adapters.
struct AdapterResidency: Codable, Sendable {
  /// Loads that one iteration waits for.
  static let loadsMax = 1
  /// Share of the time that loads may take in the long run, and how many may be saved up.
  static let loadShare = 0.05
  static let savedLoadsMax = 8.0
  /// An adapter that is there counts as due so much earlier.
  static let dwellUs: Int64 = 500_000
  /// Requests that are late for good come after all others, until nothing of theirs ran for so long.
  static let lateUs: Int64 = 30_000_000
  /// Share of the places that requests under way may need together.
  static let placesShare = 0.7
  /// Time of a load before one was measured, in microseconds.
  static let loadGuessUs = 5_000.0
  private static let loadGain = 0.1

  private struct Need: Codable, Sendable {
    var adapter: Int32
    /// When the first of its requests is due.
    var dueUs: Int64
    /// Share of the iterations that it must be in, by its requests that have begun.
    var share: Double
  }

  /// Places for adapters; 0: the engine has none.
  let places: Int
  /// Measured time of one load, in microseconds.
  private(set) var loadUs = loadGuessUs
  /// Time that loads may take now, in microseconds.
  private var savedUs = savedLoadsMax * loadGuessUs
  private var openedUs: Int64 = .min
  /// One per adapter that is needed.
  private var needs: ContiguousArray<Need> = []
  /// Adapter -> index in `needs`, valid where that names the adapter.
  private var indices: ContiguousArray<Int32> = []
  /// Sum over `needs`.
  private var shares = 0.0
  private var servesAll = false
  /// Adapters that the iteration serves.
  private(set) var chosen: ContiguousArray<Int32> = []
  /// Those of them that have to be loaded.
  private(set) var loads = 0

  init(engine: EngineDescription) { places = engine.limits.adapters }

  /// Whether there is anything to choose.
  var isOn: Bool { places > 0 }

  /// More adapters are needed than chosen.
  var isShort: Bool { chosen.count < needs.count }

  /// Starts an iteration.
  /// - Parameter servesAll: nobody who runs can be left out.
  mutating func open(nowUs: Int64, servesAll: Bool) {
    if openedUs != .min {
      let earnedUs = Self.loadShare * Double(max(0, nowUs &- openedUs))
      savedUs = min(Self.savedLoadsMax * loadUs, savedUs + earnedUs)
    }
    openedUs = nowUs
    self.servesAll = servesAll
    needs.removeAll(keepingCapacity: true)
    chosen.removeAll(keepingCapacity: true)
    shares = 0
    loads = 0
  }

  /// A request needs its adapter.
  /// - Parameters:
  ///   - dueUs: when it has to be served at the latest.
  ///   - share: share of the iterations that it must be in; 0 for one that has not begun or is late for good.
  mutating func note(_ adapter: Int32, dueUs: Int64, share: Double) {
    guard adapter >= 0 else { return }
    let index = index(of: adapter) ?? append(adapter)
    needs[index].dueUs = min(needs[index].dueUs, dueUs)
    raise(index, to: share)
  }

  private func index(of adapter: Int32) -> Int? {
    guard Int(adapter) < indices.count else { return nil }
    let index = Int(indices[Int(adapter)])
    return index < needs.count && needs[index].adapter == adapter ? index : nil
  }

  private mutating func append(_ adapter: Int32) -> Int {
    let more = Int(adapter) + 1 - indices.count
    if more > 0 { indices.append(contentsOf: repeatElement(0, count: more)) }
    indices[Int(adapter)] = Int32(needs.count)
    needs.append(Need(adapter: adapter, dueUs: .max, share: 0))
    return needs.count - 1
  }

  private mutating func raise(_ index: Int, to share: Double) {
    guard share > needs[index].share else { return }
    shares += share - needs[index].share
    needs[index].share = share
  }

  /// Chooses the adapters of this iteration: by due time as many as there are places, of those to be loaded as many as
  /// it may wait for, and one at least rather than nothing.
  mutating func choose(_ resident: ResidentAdapters) {
    sort(resident)
    for need in needs where chosen.count < places {
      if resident.contains(need.adapter) {
        chosen.append(need.adapter)
      } else if servesAll || mayLoad {
        choose(need.adapter, resident)
      }
    }
    if chosen.isEmpty, let first = needs.first { choose(first.adapter, resident) }
  }

  private mutating func choose(_ adapter: Int32, _ resident: ResidentAdapters) {
    chosen.append(adapter)
    guard !resident.contains(adapter) else { return }
    loads += 1
    savedUs -= loadUs
  }

  private mutating func sort(_ resident: ResidentAdapters) {
    func rank(_ need: Need) -> Int64 { resident.contains(need.adapter) ? need.dueUs &- Self.dwellUs : need.dueUs }
    needs.sort { (rank($0), $0.adapter) < (rank($1), $1.adapter) }
    for index in needs.indices { indices[Int(needs[index].adapter)] = Int32(index) }
  }

  private var mayLoad: Bool { loads < Self.loadsMax && savedUs >= 0 }

  /// Whether the places last if a request begins that must be in such a share of the iterations.
  func hasRoom(_ adapter: Int32, share: Double) -> Bool {
    let own = index(of: adapter).map { needs[$0].share } ?? 0
    let others = shares - own
    return share <= own || others <= 0 || others + share <= Double(places) * Self.placesShare
  }

  /// Whether an adapter that is not chosen may join the iteration.
  func mayJoin(_ adapter: Int32, _ resident: ResidentAdapters) -> Bool {
    chosen.count < places && (resident.contains(adapter) || mayLoad || chosen.isEmpty)
  }

  /// A request begins.
  /// - Parameter isChosen: its adapter is among the chosen ones.
  mutating func begin(_ adapter: Int32, share: Double, isChosen: Bool, _ resident: ResidentAdapters) {
    raise(index(of: adapter) ?? append(adapter), to: share)
    if !isChosen { choose(adapter, resident) }
  }

  /// An iteration with loads took so much longer than its work.
  mutating func observe(extraUs: Double, loads: Int) {
    loadUs += Self.loadGain * (max(0, extraUs / Double(loads)) - loadUs)
  }
}
