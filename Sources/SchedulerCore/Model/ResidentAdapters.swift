/// The adapters (LoRA) in an engine's memory: what an iteration names stays, and what is missing takes the place of the
/// least recently used of the others, as in vLLM V1.
///
/// Adapters are small numbers from 0. Cost per iteration: O(named + loads x capacity).
public struct ResidentAdapters: Codable, Sendable {
  /// Most adapters at once; 0: the engine has none.
  public let capacity: Int
  private var resident: ContiguousArray<Int32> = []
  /// Adapter -> when it was used last, in uses; 0: never.
  private var lastUse: ContiguousArray<Int64> = []
  /// Adapter -> whether it is there.
  private var isThere: ContiguousArray<Bool> = []
  private var uses: Int64 = 0
  /// `uses` when the iteration was opened.
  private var opened: Int64 = 0
  private var missing: ContiguousArray<Int32> = []

  public init(capacity: Int) { self.capacity = capacity }

  public var count: Int { resident.count }

  public func contains(_ adapter: Int32) -> Bool { Int(adapter) < isThere.count && isThere[Int(adapter)] }

  /// Starts an iteration.
  public mutating func open() {
    opened = uses
    missing.removeAll(keepingCapacity: true)
  }

  /// The iteration needs an adapter.
  public mutating func use(_ adapter: Int32) {
    let index = Int(adapter)
    if index >= lastUse.count {
      let more = index + 1 - lastUse.count
      lastUse.append(contentsOf: repeatElement(0, count: more))
      isThere.append(contentsOf: repeatElement(false, count: more))
    }
    guard lastUse[index] <= opened else { return }
    uses += 1
    lastUse[index] = uses
    if !isThere[index] { missing.append(adapter) }
  }

  /// Ends the iteration: loads what was missing.
  /// - Returns: the number of adapters loaded.
  public mutating func close() -> Int {
    for adapter in missing { load(adapter) }
    return missing.count
  }

  private mutating func load(_ adapter: Int32) {
    if resident.count >= capacity, let place = resident.indices.min(by: { last(resident[$0]) < last(resident[$1]) }) {
      isThere[Int(resident[place])] = false
      resident[place] = adapter
    } else {
      resident.append(adapter)
    }
    isThere[Int(adapter)] = true
  }

  private func last(_ adapter: Int32) -> Int64 { lastUse[Int(adapter)] }

  /// The engine's memory was lost.
  public mutating func removeAll() {
    for adapter in resident { isThere[Int(adapter)] = false }
    resident.removeAll(keepingCapacity: true)
  }
}
